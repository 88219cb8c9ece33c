"""
A member of a consumer group: cooperative-sticky, read committed, nothing committed but what the caller says.

Leaves to others: which offsets may be committed (`consuming.offsets`) and when to pause. One thread at a time; the
callbacks run inside `poll_batch`, and while `close` waits, in its own thread. No call is trusted to return (rule P13):
past its bound the process ends, except that a client that does not close is left behind. Nor is a client trusted to
come back to brokers that were away.

Keeps: P13, V12.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import MAX_POLL_S, QUIET_S, Call, bound_of
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.broker_watch import BrokerWatch
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client, record_of
from cdc_runtime.kafka.errors import TopicDenied, TopicMissing
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import Neighbour, TransientError
from schemas.topics import Topics

_log = structlog.get_logger(__name__)
_QUEUE_KBYTES = 32 * 1024
# New tables must be seen within seconds; the default is five minutes.
_METADATA_REFRESH_MS = 5000
_CALL_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 15.0  # without a word; leaving a group takes milliseconds
_CLOSE_LOOK_S = 0.1
_READ = Call("poll", Neighbour.KAFKA, QUIET_S)
_CHANGE = Call("a change of what is read", Neighbour.KAFKA, QUIET_S)
_ASK = Call("committed", Neighbour.KAFKA, bound_of(_CALL_TIMEOUT_S))
# It takes no time-out: librdkafka waits for the coordinator, then for the answer. Past this the group is lost anyway.
_COMMIT = Call("commit", Neighbour.KAFKA, MAX_POLL_S * 0.8)


class Assignments(Protocol):
    """What a consumer does when partitions come and go."""

    def on_assign(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """Take partitions; they begin at their committed offset."""

    def on_revoke(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """Finish what is in flight for these partitions and commit it, within the drain's time."""

    def on_lost(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """Forget these partitions: another member has them already, nothing may be committed."""


class GroupConsumer:
    """Reads topics (names, or patterns that begin with ^) as one member of a group."""

    def __init__(
        self,
        settings: KafkaSettings,
        group: str,
        topics: Iterable[str],
        assignments: Assignments,
        *,
        reset: Literal["earliest", "latest", "error"] = "earliest",
    ) -> None:
        self.group = group
        self._settings = settings
        self._topics = list(topics)
        self._reset = reset
        self._assignments = assignments
        self._gone: set[tuple[str | None, int | None]] = set()
        self._held_once: set[str] = set()
        self._errors = ErrorMemory()
        self._calling = False
        self._active_at = 0.0
        self._consumer = self._subscribed()

    def _subscribed(self) -> Consumer:
        """A client of its own, which has asked to be a member."""
        self._watch = BrokerWatch()
        config = client_config(
            self._settings,
            self._errors,
            self._watch,
            group_id=self.group,
            client_id=self.group,
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            isolation_level="read_committed",
            max_poll_interval_ms=int(MAX_POLL_S * 1000),
            auto_offset_reset=self._reset,
            partition_assignment_strategy="cooperative-sticky",
            queued_max_messages_kbytes=_QUEUE_KBYTES,
            # A small queue must be filled again soon; the default waits a second.
            fetch_queue_backoff_ms=50,
            topic_metadata_refresh_interval_ms=_METADATA_REFRESH_MS,
            allow_auto_create_topics=False,
        )
        consumer = make_client(Consumer, self._settings, config)
        with self._errors.translating("take a subscription"), CALLS.held(_CHANGE):
            consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        return consumer

    def _begin_anew(self) -> None:
        """Be a member with a new client, where the old one would never connect again; what it held is lost."""
        held = self.assignment()
        _log.warning("consumer has lost all brokers, it begins anew", group=self.group, partitions=len(held))
        former, self._consumer = self._consumer, self._subscribed()
        if held:
            self._gone.update(held)
            self._assignments.on_lost(held)
        # Nothing waits for it, nor for what it still calls back.
        threading.Thread(target=_given_up, args=(former,), name="kafka-given-up", daemon=True).start()

    def _assigned(self, client: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        if client is not self._consumer:
            return
        given = [TopicPartition(p.topic, p.partition) for p in topic_partitions]
        self._held_once.update(each.topic for each in given)
        # librdkafka keeps our pause over revoke and assign, and whoever forgets a partition forgets that it was paused.
        self.resume(given)
        with CALLS.aside():
            self._assignments.on_assign(given)

    def _revoked(self, client: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        if client is not self._consumer:
            return
        given = [TopicPartition(p.topic, p.partition) for p in topic_partitions]
        self._gone.update(given)
        with CALLS.aside():
            try:
                with self._callback():
                    self._assignments.on_revoke(given)
            except TransientError as exc:
                # Not committed (too late, no broker, closing): whoever has them next reads it again.
                _log.warning("partitions were lost while they were given back", group=self.group, reason=str(exc))
                self._assignments.on_lost(given)

    def _lost(self, client: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        if client is not self._consumer:
            return
        lost = [TopicPartition(p.topic, p.partition) for p in topic_partitions]
        self._gone.update(lost)
        with CALLS.aside():
            self._assignments.on_lost(lost)

    def poll_batch(self, max_records: int, wait_s: float) -> list[Record]:
        """
        Wait `wait_s` at most for a first record, then take what is there, without waiting to fill the batch.

        Must be called every `MAX_POLL_S` seconds, even while all partitions are paused, or the group takes them away.
        Raises `AccessDenied`, `Fenced`, `FatalError`. A table's topic that may not be read is told and waits alone
        (D8). A broker that is away is not an error: librdkafka goes on trying, and the batch is empty. A client that
        can try no more is replaced, and what it held is lost.
        """
        if self._watch.lost:
            self._begin_anew()
        with self._errors.translating("read"), CALLS.held(_READ):
            first = self._consumer.poll(wait_s)
        self._errors.log.served()
        if first is None:
            denied = self._errors.denied
            if denied is not None:
                raise self._errors.translate(denied, "read")
            return []
        messages = [first]
        if max_records > 1:
            self._gone.clear()
            with self._errors.translating("read"), CALLS.held(_READ):
                messages += self._consumer.consume(max_records - 1, 0)
            if (first.topic(), first.partition()) in self._gone:
                # Its partition was given back a moment after it was handed out.
                del messages[0]
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(record_of(message))
            else:
                self._report(error, message.topic())
        return records

    def _report(self, error: KafkaError, topic: str | None) -> None:
        what = f"topic {topic}" if topic else f"as group {self.group}"
        problem = self._errors.translate(error, f"read {what}")
        # A topic that is not there yet (or any more) is looked for again at each refresh of the metadata; a member
        # that was too slow to poll has lost its partitions (`on_lost`) and joins again.
        passing = isinstance(problem, (TransientError, TopicMissing)) or error.code() == KafkaError._MAX_POLL_EXCEEDED
        if isinstance(problem, TopicDenied) and Topics(self._settings.prefix).parse_table(topic or "") is not None:
            _log.warning("topic may not be read", topic=topic, group=self.group, remedy=problem.remedy)
            return
        if error.fatal() or not passing:
            raise problem
        if isinstance(problem, TopicMissing) and topic not in self._held_once:
            # `topic` is the pattern where no topic fits it.
            _log.info("no such topic yet, it is read once it is made", topic=topic, group=self.group)
            return
        _log.warning("consumer reported", error=error.name(), topic=topic, group=self.group)

    def commit(
        self,
        offsets: Mapping[TopicPartition, int],
        *,
        synchronous: bool = True,
        metadata: Mapping[TopicPartition, str] | None = None,
    ) -> None:
        """
        Store next offsets for the group, each with its text of `metadata`.

        Synchronous: raises `PartitionsLost` when the partitions belong to another member by now, `Unreachable`.
        Otherwise the request is only sent; a failure is made good by the next commit.
        """
        if not offsets:
            return
        texts = metadata or {}
        topic_partitions = [
            KafkaTopicPartition(p.topic, p.partition, offset, metadata=texts.get(p, ""))
            for p, offset in offsets.items()
        ]
        with self._errors.translating("commit offsets"), CALLS.held(_COMMIT):
            if not synchronous:
                self._consumer.commit(offsets=topic_partitions, asynchronous=True)
                return
            for topic_partition in self._consumer.commit(offsets=topic_partitions, asynchronous=False) or ():
                if topic_partition.error is not None:
                    raise self._errors.translate(
                        topic_partition.error,
                        f"commit the offset of {topic_partition.topic}[{topic_partition.partition}]",
                    )

    def committed(self, topic_partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The committed next offset of partitions; those without one are left out."""
        return {each: offset for each, (offset, _) in self.committed_with_metadata(topic_partitions).items()}

    def committed_with_metadata(
        self, topic_partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, str | None]]:
        """The committed next offset of partitions and the text that went with it; those without one are left out."""
        with self._errors.translating("give committed offsets"), CALLS.held(_ASK):
            found = self._consumer.committed(
                [KafkaTopicPartition(*each) for each in topic_partitions], timeout=_CALL_TIMEOUT_S
            )
        for each in found:
            if each.error is not None:
                problem = self._errors.translate(
                    each.error, f"give the committed offset of {each.topic}[{each.partition}]"
                )
                # Not known yet is not none, with which it would begin anew.
                if isinstance(problem, TransientError):
                    raise problem
        return {TopicPartition(p.topic, p.partition): (p.offset, p.metadata) for p in found if p.offset >= 0}

    def known_end(self, topic_partition: TopicPartition) -> int | None:
        """The end offset that the last fetch saw, transaction markers included; None before the first; no request."""
        try:
            ends = self._consumer.get_watermark_offsets(KafkaTopicPartition(*topic_partition), cached=True)
        except KafkaException:
            return None
        return ends[1] if ends is not None and ends[1] >= 0 else None

    def pause(self, topic_partitions: Iterable[TopicPartition]) -> None:
        """Hand out no more records of these partitions; their place in the group stays."""
        with self._errors.translating("pause partitions"), CALLS.held(_CHANGE):
            self._consumer.pause([KafkaTopicPartition(*each) for each in topic_partitions])

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        with self._errors.translating("resume partitions"), CALLS.held(_CHANGE):
            self._consumer.resume([KafkaTopicPartition(*each) for each in topic_partitions])

    def seek(self, topic_partition: TopicPartition, next_offset: int) -> None:
        """Go on at another offset in a partition that is held."""
        place = f"{topic_partition.topic}[{topic_partition.partition}]"
        with self._errors.translating(f"seek in {place}"), CALLS.held(_CHANGE):
            self._consumer.seek(KafkaTopicPartition(topic_partition.topic, topic_partition.partition, next_offset))

    def begin_again(self, topic_partition: TopicPartition, next_offset: int) -> None:
        """
        Begin to read a partition that is held at an offset, as if it had just been assigned, and not paused.

        Unlike `seek` it needs no partition that is being read: whatever the client has of it is given up.
        """
        place = [KafkaTopicPartition(topic_partition.topic, topic_partition.partition, next_offset)]
        with self._errors.translating(f"begin again in {topic_partition.topic}[{topic_partition.partition}]"):
            self._consumer.resume(place)
            self._consumer.incremental_unassign(place)
            self._consumer.incremental_assign(place)

    def assignment(self) -> list[TopicPartition]:
        """The partitions that are held."""
        with self._errors.translating("give the assignment"), CALLS.held(_CHANGE):
            return [TopicPartition(p.topic, p.partition) for p in self._consumer.assignment()]

    def group_metadata(self) -> object:
        """For `TransactionalProducer.send_offsets`; take it when the batch is polled (rule F1)."""
        with self._errors.translating("tell of the group"), CALLS.held(_CHANGE):
            return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """
        Give the partitions back (`on_revoke` runs, in another thread) and leave the group; may be called twice.

        Now and then librdkafka never returns from it (seen once, with a commit in the revoke callback; why is not
        known): then the client is left behind, and the group takes the partitions at its session time-out.
        """
        problems: list[BaseException] = []
        closing = threading.Thread(target=self._close, args=(problems,), name="kafka-close", daemon=True)
        self._active_at = time.monotonic()
        closing.start()
        while closing.is_alive() and (self._calling or time.monotonic() - self._active_at < _CLOSE_TIMEOUT_S):
            closing.join(_CLOSE_LOOK_S)
        if closing.is_alive():
            CALLS.keep(self._consumer)
            _log.warning("consumer does not close, it is left behind", group=self.group)
        if problems:
            raise problems[0]

    def _close(self, problems: list[BaseException]) -> None:
        try:
            # One that holds nothing is not told to leave by librdkafka's `close`: the group would wait for it, and
            # nobody would hold what was given up, until the session times out.
            if not self._consumer.assignment():
                self._consumer.unsubscribe()
            self._consumer.close()
        except (KafkaException, RuntimeError) as exc:
            _log.warning("consumer did not close cleanly", group=self.group, error=type(exc).__name__)
        except BaseException as exc:
            problems.append(exc)

    @contextmanager
    def _callback(self) -> Iterator[None]:
        """What our owner does may take its time; it is its own to bound."""
        self._calling = True
        try:
            yield
        finally:
            self._calling, self._active_at = False, time.monotonic()


def _given_up(consumer: Consumer) -> None:
    """Free a client; it may never end, and then its thread keeps it."""
    try:
        consumer.close()
    except (KafkaException, RuntimeError) as exc:
        _log.info("consumer that was given up did not close cleanly", error=type(exc).__name__)
