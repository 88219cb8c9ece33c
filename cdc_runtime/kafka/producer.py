"""
Producers: transactional for the reader's events, idempotent for everything that stands alone.

Rule 1: after any abort or unknown outcome (time-out, fatal error) an instance is dead: `dead` is True, every further
        call is refused; the caller closes it, makes a new one and reads its position again (rule P7,
        librdkafka #5423). Going on would do: the next transaction fails with "skipped sequence numbers".
Rule 2: `TransactionAborted` says: rewind. `close` ends the open transaction; where it cannot, the next `init` does.
        A fence behind the transaction's time is one: it is the broker's own.
Rule 3: `flush_or_raise` returns only when every record sent since the last one is acknowledged.
Rule 4: no call is trusted to return (rule P13). `send_offsets` may be left behind, which is an unknown outcome, and
        its client is kept for good; past the bound of any other the process ends.

A producer belongs to one thread, except that `commit` and `flush_or_raise` release the interpreter while they wait, and
that it is polled by another while its owner does nothing with it (`idle_clients`).

Keeps: P13.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.bounded_calls import CALLS, CallLeftBehind
from cdc_runtime.call_bounds import Call, bound_of, transaction_bound_s
from cdc_runtime.consuming.dead_letters import DeadLetter
from cdc_runtime.consuming.records import Headers, TopicPartition
from cdc_runtime.kafka.client import ErrorMemory, make_client
from cdc_runtime.kafka.errors import TransactionAborted, TransactionLeftBehind, kafka_error
from cdc_runtime.kafka.idle_clients import Served
from cdc_runtime.kafka.producer_client import CLOSE, POLL_S, SLICE_S, close_client, producer_config, told_apart
from cdc_runtime.kafka.transaction_errors import Reports, TransactionErrors
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import Neighbour, RowferryError, TransientError, Unreachable

# Longest time that closing spends on ending an open transaction.
_LAST_ABORT_S = 2.0
# What `raw_produce` may raise: the queue is full, or librdkafka refuses.
RAW_ERRORS: tuple[type[Exception], ...] = (BufferError, KafkaException)
_PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


class TransactionalProducer:
    """One transactional id. Calls go in the order init, then (begin, produce..., commit) again and again.

    `names_topics`: `TopicRefused` names the topic; to add a record takes nearly twice as long.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        transactional_id: str,
        *,
        transaction_timeout_s: float = 60.0,
        names_topics: bool = False,
    ) -> None:
        self._errors = ErrorMemory()
        self._timeout_s = transaction_timeout_s
        self._bound_s = transaction_bound_s(transaction_timeout_s)
        config = producer_config(
            settings,
            self._errors,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(transaction_timeout_s * 1000),
        )
        reports = Reports() if names_topics else None
        if reports is not None:
            config["on_delivery"] = reports
        self._producer = make_client(Producer, settings, config)
        self._served = Served(self._producer.poll, self._errors)
        self._meanings = TransactionErrors(self._served, self._errors, transaction_timeout_s, reports)
        self._closed = False
        self._began_at = time.monotonic()
        self.dead = False
        # For hot loops: no wrapper, so `raw_produce(topic, value, key, timestamp=...)` raises RAW_ERRORS. On one of
        # them the caller repeats the record with `produce`; it also calls `poll()` every 1,000 records.
        self.raw_produce: Callable[..., None] = self._producer.produce

    def init(self, timeout_s: float) -> None:
        """
        Take over the transactional id: fences older instances and ends their open transaction.

        Raises `Unreachable`, `AccessDenied`, `Fenced`.
        """
        self._bounded(self._held("init_transactions"), timeout_s, "take over the transactional id")

    def begin(self) -> None:
        """Begin a transaction; raises `Fenced` or `FatalError`."""
        self._alive()
        try:
            with self._served.held(self._call("begin_transaction")):
                self._producer.begin_transaction()
            self._began_at = time.monotonic()
        except KafkaException as exc:
            raise self._failed(exc, "begin a transaction") from exc

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
        timestamp_ms: int = 0,
    ) -> None:
        """Add a record to the transaction; blocks while the queue is full. Raises as `begin`."""
        self._alive()
        options: dict[str, Any] = {} if partition is None else {"partition": partition}
        if headers:
            options["headers"] = list(headers)
        while True:
            try:
                self._producer.produce(topic, value, key, timestamp=timestamp_ms, **options)
                return
            except BufferError:
                self.make_room()
            except KafkaException as exc:
                raise self._failed(exc, f"take a record for topic {topic}", topic=topic) from exc

    def poll(self) -> None:
        """Serve what librdkafka reports; does not block. Raises as `begin`."""
        self._serve(0)

    def make_room(self) -> None:
        """Wait a moment for records to leave the queue. Raises as `begin`."""
        self._serve(POLL_S)

    def _serve(self, wait_s: float) -> None:
        try:
            self._served.serve(wait_s)
        except KafkaException as exc:
            raise self._failed(exc, "go on with a transaction") from exc

    def send_offsets(
        self,
        offsets: Mapping[TopicPartition, int],
        group_metadata: object,
        *,
        texts: Mapping[TopicPartition, str] | None = None,
    ) -> None:
        """
        Commit a consumer group's offsets in this transaction, each with its text of `texts`.

        `group_metadata` is of the time of polling (rule F1). Raises as `commit`, and `TransactionLeftBehind`: the
        client is lost, and a new producer must end its transaction.
        """
        self._alive()
        texts = texts or {}
        topic_partitions = [
            KafkaTopicPartition(
                topic_partition.topic, topic_partition.partition, offset, metadata=texts.get(topic_partition, "")
            )
            for topic_partition, offset in offsets.items()
        ]
        call = self._call("send_offsets_to_transaction", may_be_left=True)
        try:
            CALLS.leaving(
                call,
                lambda: self._retried(
                    lambda wait_s: self._producer.send_offsets_to_transaction(topic_partitions, group_metadata, wait_s)
                ),
                lambda: self._producer,
            )
        except CallLeftBehind as exc:
            self.dead = self._closed = True
            self._served.end()
            raise TransactionLeftBehind.of(exc) from exc
        except KafkaException as exc:
            raise self._failed(exc, "take the offsets of the group") from exc

    def commit(self, timeout_s: float | None = None) -> None:
        """
        Make everything since `begin` durable and visible; blocks until it is, for the transaction's time at most.

        Raises `TransactionAborted` when it did not happen, or its outcome is unknown; `Fenced`, `AccessDenied`.
        """
        self._alive()
        try:
            self._retried(self._held("commit_transaction"), timeout_s)
        except KafkaException as exc:
            raise self._failed(exc, "commit a transaction") from exc

    def abort(self) -> None:
        """Undo everything since `begin`; the instance is dead then. Raises `TransactionAborted` when it may be open."""
        self._alive()
        self.dead = True
        try:
            self._retried(self._held("abort_transaction"))
        except KafkaException as exc:
            raise self._meanings.classified(
                self._producer, exc, "abort a transaction", began_at=self._began_at
            ) from exc

    def close(self) -> None:
        """Drop what is not committed and free the client; may be called twice."""
        self.dead = True
        if self._closed:
            return
        self._closed = True
        with CALLS.held(self._call("close")):
            self._served.end()
            if self._settled():
                close_client(self._producer)
            else:
                # Its `close` waits for the coordinator, however long that is away; one not referred to is freed. One
                # that lived on would take over the id as soon as a broker answers, and fence its successor.
                del self._producer, self.raw_produce

    def _settled(self) -> bool:
        """End the open transaction, where there is one; False when no broker answers."""
        try:
            self._producer.abort_transaction(_LAST_ABORT_S)
        except KafkaException as exc:
            error = kafka_error(exc)
            return error is None or not error.retriable()
        return True

    def _call(self, name: str, *, may_be_left: bool = False) -> Call:
        return Call(name, Neighbour.KAFKA, self._bound_s, may_be_left)

    def _held(self, name: str) -> Callable[[float], object]:
        """One of the client's calls, held in the bound of a transaction."""
        call = self._call(name)

        def held(wait_s: float) -> None:
            with self._served.held(call):
                # Found at each call: whoever keeps this function, such as a traceback, must not keep the client.
                getattr(self._producer, name)(wait_s)

        return held

    def _retried(self, call: Callable[[float], object], timeout_s: float | None = None) -> None:
        """
        Repeat a resumable call while librdkafka calls its error retriable, for a transaction's time at most.

        In slices: without a time-out the call never returns while the coordinator is away.
        """
        deadline = time.monotonic() + (self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s))
        while True:
            try:
                call(max(POLL_S, min(SLICE_S, deadline - time.monotonic())))
                return
            except KafkaException as exc:
                error = kafka_error(exc)
                if error is None or not error.retriable() or time.monotonic() >= deadline:
                    raise
                self._served.serve(0)

    def _bounded(self, call: Callable[[float], object], timeout_s: float, action: str) -> None:
        self._alive()
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                call(max(POLL_S, min(SLICE_S, deadline - time.monotonic())))
                return
            except KafkaException as exc:
                problem = self._errors.translate(self._meanings.polled(exc), action)
                error = kafka_error(exc)
                if error is None or not error.retriable() or not isinstance(problem, TransientError):
                    self.dead = True
                    raise problem from exc
                if time.monotonic() >= deadline:
                    self.dead = True
                    raise Unreachable(
                        expected=f"Kafka to {action} within {timeout_s:g} s",
                        found="no answer",
                        neighbour=Neighbour.KAFKA,
                    ) from exc

    def _failed(self, exc: KafkaException, action: str, *, topic: str = "") -> RowferryError:
        """Declare the instance dead, and say what the caller must do; `topic` of the one record that it is about."""
        self.dead = True
        return self._meanings.meaning(self._producer, exc, action, began_at=self._began_at, topic=topic)

    def _alive(self) -> None:
        if self.dead:
            raise TransactionAborted(
                expected="Kafka to tell how the last call ended", found="no answer: a new producer goes on"
            )


class IdempotentProducer:
    """Records that stand alone: each once and in order, durable when `flush_or_raise` returns."""

    def __init__(self, settings: KafkaSettings, *, delivery_timeout_s: float = 60.0) -> None:
        self._errors = ErrorMemory()
        config = producer_config(
            settings,
            self._errors,
            on_delivery=self._report,
            message_timeout_ms=int(delivery_timeout_s * 1000),
        )
        # `on_delivery` is a name with an underscore.
        config["on_delivery"] = config.pop("on.delivery")
        self._settings, self._config = settings, config
        self._producer = make_client(Producer, settings, config)
        self._served = Served(self._producer.poll, self._errors)
        self._delivery_timeout_s = delivery_timeout_s
        self._failures: list[tuple[KafkaError, str]] = []

    def _report(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() not in _PURGED:
            self._failures.append((error, message.topic() or ""))

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
        timestamp_ms: int = 0,
    ) -> None:
        """Take a record for sending; blocks while the queue is full. `timestamp_ms` 0 is the time of writing."""
        options: dict[str, Any] = {} if partition is None else {"partition": partition}
        if headers:
            options["headers"] = list(headers)
        while True:
            try:
                self._producer.produce(topic, value, key, timestamp=timestamp_ms, **options)
                break
            except BufferError:
                self._serve(POLL_S)
            except KafkaException as exc:
                told = told_apart(self._producer, self._errors, exc)
                raise self._errors.translate(told, f"take a record for topic {topic}") from exc
        self._serve(0)

    def _serve(self, wait_s: float) -> None:
        with self._errors.translating("go on with records"):
            self._served.serve(wait_s)

    def flush_or_raise(self, timeout_s: float | None = None) -> None:
        """
        Wait until every record sent is acknowledged.

        Raises the error of the first that failed, or `Unreachable` at the time-out: the caller must not go on as if
        they were written. After an error the instance may be used again, except after `Fenced` or `FatalError`.
        """
        waited_s = self._delivery_timeout_s + 5 if timeout_s is None else timeout_s
        flush = Call("flush", Neighbour.KAFKA, bound_of(waited_s))
        with self._errors.translating("acknowledge records"), self._served.held(flush):
            left = self._producer.flush(waited_s)
            self._errors.log.served()
        failures, self._failures = self._failures, []
        if left or any(error.code() == KafkaError._MSG_TIMED_OUT for error, _ in failures):
            self._begin_anew()
        if failures:
            error, topic = failures[0]
            raise self._errors.translate(error, f"store {len(failures)} records, the first in topic {topic}")
        if left:
            raise Unreachable(
                expected=f"Kafka to acknowledge within {waited_s:g} s",
                found=f"{left} records open",
                neighbour=Neighbour.KAFKA,
            )

    def _begin_anew(self) -> None:
        """A client without answer may have lost all brokers for good (`broker_watch`), so the next one is new."""
        self._served.end()
        former, self._producer = self._producer, make_client(Producer, self._settings, self._config)
        self._served = Served(self._producer.poll, self._errors)
        with CALLS.held(CLOSE):
            close_client(former)
        self._failures = []

    def close(self) -> None:
        """Drop what is not acknowledged and free the client; may be called twice."""
        with CALLS.held(CLOSE):
            self._served.end()
            close_client(self._producer)


class DeadLetterWriter:
    """Writes dead letters; one that cannot be written must stop its partition, so every call raises what fails."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._producer = IdempotentProducer(settings)
        self._topic = topic

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters, in order; returns when they are durable. Time of writing as Kafka's time (P9)."""
        for letter in letters:
            self._producer.send(self._topic, letter.key, letter.value, headers=letter.headers)
        self._producer.flush_or_raise()

    def close(self) -> None:
        """Free the client."""
        self._producer.close()
