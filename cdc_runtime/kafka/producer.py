"""
Producers: transactional for the reader's events, idempotent for everything that stands alone.

Rule 1: after any abort or unknown outcome (time-out, fatal error) an instance is dead: `dead` is True, every further
        call is refused; the caller closes it, makes a new one and reads its position again (rule P7,
        librdkafka #5423). Going on would do: the next transaction fails with "skipped sequence numbers".
Rule 2: `TransactionAborted` says: rewind. `close` ends the open transaction; where it cannot, the next `init` does.
Rule 3: `flush_or_raise` returns only when every record sent since the last one is acknowledged.

A producer belongs to one thread, except that `commit` and `flush_or_raise` release the interpreter while they wait.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.consuming.dead_letters import DeadLetter
from cdc_runtime.consuming.records import Headers, TopicPartition
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client
from cdc_runtime.kafka.errors import TransactionAborted, kafka_error
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import Neighbour, RowferryError, TransientError, Unreachable
from schemas.topics import MAX_MESSAGE_BYTES

# Bounds the memory of a process that must stay under 200 MB; librdkafka adds about 150 bytes per record.
_QUEUE_KBYTES = 48 * 1024
_QUEUE_RECORDS = 100_000
_POLL_S = 0.1
_SLICE_S = 1.0
_UNKNOWN_TOPIC_MS = 5000
# Longest time that closing spends on ending an open transaction.
_LAST_ABORT_S = 2.0
# Records carry headers of a dead letter besides the largest value that a topic takes.
_MARGIN_BYTES = 1024 * 1024
# What `raw_produce` may raise: the queue is full, or librdkafka refuses.
RAW_ERRORS: tuple[type[Exception], ...] = (BufferError, KafkaException)
_PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


def _producer_config(settings: KafkaSettings, errors: ErrorMemory, **own: object) -> dict[str, Any]:
    return client_config(
        settings,
        errors,
        **{
            "enable_idempotence": True,
            "acks": "all",
            # The partition that Java clients choose for the same key.
            "partitioner": "murmur2_random",
            # Measured: 1 ms gives the best commit latency for small transactions; a commit flushes anyway.
            "linger_ms": 1,
            "compression_type": "lz4",
            "message_max_bytes": MAX_MESSAGE_BYTES + _MARGIN_BYTES,
            "queue_buffering_max_kbytes": _QUEUE_KBYTES,
            "queue_buffering_max_messages": _QUEUE_RECORDS,
            "delivery_report_only_error": True,
            # A topic that does not exist is an error after this time; topics are created and seen before they are used.
            "topic_metadata_propagation_max_ms": _UNKNOWN_TOPIC_MS,
            **own,
        },
    )


def _told_apart(producer: Producer, errors: ErrorMemory, exc: KafkaException) -> KafkaException:
    """What a `_FATAL` was: the error itself is raised where reports are served, once, a moment later than the flag."""
    error = kafka_error(exc)
    if error is None or error.code() != KafkaError._FATAL or errors.fatal is not None:
        return exc
    deadline = time.monotonic() + _SLICE_S
    while time.monotonic() < deadline:
        try:
            producer.poll(_POLL_S)
        except KafkaException as told:
            return told
    return exc


def _close(producer: Producer) -> None:
    """End a client without waiting for records: what is not acknowledged by now is given up."""
    with warnings.catch_warnings():
        # It tries to abort an open transaction and warns when there is no broker to ask.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            producer.purge()
            producer.poll(0)
            producer.close()
        except (RuntimeError, KafkaException):
            # Closed before, or fenced: the transaction is ended already.
            return


class TransactionalProducer:
    """One transactional id. Calls go in the order init, then (begin, produce..., commit) again and again."""

    def __init__(self, settings: KafkaSettings, transactional_id: str, *, transaction_timeout_s: float = 60.0) -> None:
        self._errors = ErrorMemory()
        self._timeout_s = transaction_timeout_s
        config = _producer_config(
            settings,
            self._errors,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(transaction_timeout_s * 1000),
        )
        self._producer = make_client(Producer, settings, config)
        self._closed = False
        self.dead = False
        # For hot loops: no wrapper, so `raw_produce(topic, value, key, timestamp=...)` raises RAW_ERRORS. On one of
        # them the caller repeats the record with `produce`; it also calls `poll()` every 1,000 records.
        self.raw_produce: Callable[..., None] = self._producer.produce

    def init(self, timeout_s: float) -> None:
        """
        Take over the transactional id: fences older instances and ends their open transaction.

        Raises `Unreachable`, `AccessDenied`, `Fenced`.
        """
        self._bounded(self._producer.init_transactions, timeout_s, "take over the transactional id")

    def begin(self) -> None:
        """Begin a transaction; raises `Fenced` or `FatalError`."""
        self._alive()
        try:
            self._producer.begin_transaction()
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
                raise self._failed(exc, f"take a record for topic {topic}") from exc

    def poll(self) -> None:
        """Serve what librdkafka reports; does not block. Raises as `begin`."""
        self._serve(0)

    def make_room(self) -> None:
        """Wait a moment for records to leave the queue. Raises as `begin`."""
        self._serve(_POLL_S)

    def _serve(self, wait_s: float) -> None:
        try:
            self._producer.poll(wait_s)
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

        `group_metadata` is of the time of polling (rule F1).
        """
        self._alive()
        texts = texts or {}
        topic_partitions = [
            KafkaTopicPartition(
                topic_partition.topic, topic_partition.partition, offset, metadata=texts.get(topic_partition, "")
            )
            for topic_partition, offset in offsets.items()
        ]
        try:
            self._retried(
                lambda wait_s: self._producer.send_offsets_to_transaction(topic_partitions, group_metadata, wait_s)
            )
        except KafkaException as exc:
            raise self._failed(exc, "take the offsets of the group") from exc

    def commit(self, timeout_s: float | None = None) -> None:
        """
        Make everything since `begin` durable and visible; blocks until it is, for the transaction's time at most.

        Raises `TransactionAborted` when it did not happen, or its outcome is unknown; `Fenced`, `AccessDenied`.
        """
        self._alive()
        try:
            self._retried(self._producer.commit_transaction, timeout_s)
        except KafkaException as exc:
            raise self._failed(exc, "commit a transaction") from exc

    def abort(self) -> None:
        """Undo everything since `begin`; the instance is dead then. Raises `TransactionAborted` when it may be open."""
        self._alive()
        self.dead = True
        try:
            self._retried(self._producer.abort_transaction)
        except KafkaException as exc:
            raise self._classified(exc, "abort a transaction") from exc

    def close(self) -> None:
        """Drop what is not committed and free the client; may be called twice."""
        self.dead = True
        if self._closed:
            return
        self._closed = True
        if self._settled():
            _close(self._producer)
        else:
            # Its `close` waits for the coordinator, however long that is away; one that is not referred to is freed.
            del self._producer, self.raw_produce

    def _settled(self) -> bool:
        """End the open transaction, where there is one; False when no broker answers."""
        try:
            self._producer.abort_transaction(_LAST_ABORT_S)
        except KafkaException as exc:
            error = kafka_error(exc)
            return error is None or not error.retriable()
        return True

    def _retried(self, call: Callable[[float], object], timeout_s: float | None = None) -> None:
        """
        Repeat a resumable call while librdkafka calls its error retriable, for a transaction's time at most.

        In slices: without a time-out the call never returns while the coordinator is away.
        """
        deadline = time.monotonic() + (self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s))
        while True:
            try:
                call(max(_POLL_S, min(_SLICE_S, deadline - time.monotonic())))
                return
            except KafkaException as exc:
                error = kafka_error(exc)
                if error is None or not error.retriable() or time.monotonic() >= deadline:
                    raise
                self._producer.poll(0)

    def _bounded(self, call: Callable[[float], None], timeout_s: float, action: str) -> None:
        self._alive()
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                call(max(_POLL_S, min(_SLICE_S, deadline - time.monotonic())))
                return
            except KafkaException as exc:
                problem = self._errors.translate(self._polled(exc), action)
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

    def _failed(self, exc: KafkaException, action: str) -> RowferryError:
        """Declare the instance dead, and say what the caller must do."""
        self.dead = True
        error = kafka_error(exc)
        if error is not None and error.txn_requires_abort():
            return TransactionAborted(expected=f"Kafka to {action}", found=f"an aborted transaction: {error.name()}")
        return self._classified(exc, action)

    def _polled(self, exc: KafkaException) -> KafkaException:
        """Serve reports; the error of theirs where that is worse."""
        try:
            self._producer.poll(0)
        except KafkaException as told:
            return told
        return exc

    def _classified(self, exc: KafkaException, action: str) -> RowferryError:
        problem = self._errors.translate(_told_apart(self._producer, self._errors, exc), action)
        if isinstance(problem, TransientError):
            return TransactionAborted.of(problem)
        return problem

    def _alive(self) -> None:
        if self.dead:
            raise TransactionAborted(expected="a live producer", found="one whose last outcome is not known")


class IdempotentProducer:
    """Records that stand alone: each once and in order, durable when `flush_or_raise` returns."""

    def __init__(self, settings: KafkaSettings, *, delivery_timeout_s: float = 60.0) -> None:
        self._errors = ErrorMemory()
        config = _producer_config(
            settings,
            self._errors,
            on_delivery=self._report,
            message_timeout_ms=int(delivery_timeout_s * 1000),
        )
        # `on_delivery` is a name with an underscore.
        config["on_delivery"] = config.pop("on.delivery")
        self._producer = make_client(Producer, settings, config)
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
                self._serve(_POLL_S)
            except KafkaException as exc:
                told = _told_apart(self._producer, self._errors, exc)
                raise self._errors.translate(told, f"take a record for topic {topic}") from exc
        self._serve(0)

    def _serve(self, wait_s: float) -> None:
        with self._errors.translating("go on with records"):
            self._producer.poll(wait_s)

    def flush_or_raise(self, timeout_s: float | None = None) -> None:
        """
        Wait until every record sent is acknowledged.

        Raises the error of the first that failed, or `Unreachable` at the time-out: the caller must not go on as if
        they were written. After an error the instance may be used again, except after `Fenced` or `FatalError`.
        """
        waited_s = self._delivery_timeout_s + 5 if timeout_s is None else timeout_s
        with self._errors.translating("acknowledge records"):
            left = self._producer.flush(waited_s)
        failures, self._failures = self._failures, []
        if failures:
            error, topic = failures[0]
            raise self._errors.translate(error, f"store {len(failures)} records, the first in topic {topic}")
        if left:
            raise Unreachable(
                expected=f"Kafka to acknowledge within {waited_s:g} s",
                found=f"{left} records open",
                neighbour=Neighbour.KAFKA,
            )

    def close(self) -> None:
        """Drop what is not acknowledged and free the client; may be called twice."""
        _close(self._producer)


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
