"""
A member of a consumer group: cooperative-sticky, read committed, nothing committed but what the caller says.

Leaves to others: which offsets may be committed (`consuming.offsets`) and when to pause. One thread at a time; the
callbacks run inside `poll_batch`, and while `close` waits, in its own thread.
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

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client, record_of
from cdc_runtime.kafka.errors import TopicMissing, translate
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_QUEUE_KBYTES = 32 * 1024
# New tables must be seen within seconds; the default is five minutes.
_METADATA_REFRESH_MS = 5000
_CALL_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 15.0  # without a word; leaving a group takes milliseconds
_CLOSE_LOOK_S = 0.1


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
        self._assignments = assignments
        self._gone: set[tuple[str | None, int | None]] = set()
        self._errors = ErrorMemory()
        self._calling = False
        self._active_at = 0.0
        self._consumer = make_client(
            Consumer,
            settings,
            client_config(
                settings,
                self._errors,
                group_id=group,
                client_id=group,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                isolation_level="read_committed",
                auto_offset_reset=reset,
                partition_assignment_strategy="cooperative-sticky",
                queued_max_messages_kbytes=_QUEUE_KBYTES,
                # A small queue must be filled again soon; the default waits a second.
                fetch_queue_backoff_ms=50,
                topic_metadata_refresh_interval_ms=_METADATA_REFRESH_MS,
                allow_auto_create_topics=False,
            ),
        )
        with self._errors.translating("take a subscription"):
            self._consumer.subscribe(
                list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )

    def _assigned(self, _: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        self._assignments.on_assign([TopicPartition(p.topic, p.partition) for p in topic_partitions])

    def _revoked(self, _: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        given = [TopicPartition(p.topic, p.partition) for p in topic_partitions]
        self._gone.update(given)
        try:
            with self._callback():
                self._assignments.on_revoke(given)
        except TransientError as exc:
            # Not committed (too late, no broker, closing): whoever has them next reads it again.
            _log.warning("partitions were lost while they were given back", group=self.group, reason=str(exc))
            self._assignments.on_lost(given)

    def _lost(self, _: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        lost = [TopicPartition(p.topic, p.partition) for p in topic_partitions]
        self._gone.update(lost)
        self._assignments.on_lost(lost)

    def poll_batch(self, max_records: int, wait_s: float) -> list[Record]:
        """
        Wait `wait_s` at most for a first record, then take what is there, without waiting to fill the batch.

        Must be called every few minutes, even while all partitions are paused, or the group takes them away.
        Raises `AccessDenied`, `Fenced`, `FatalError`; a broker that is away is not an error: librdkafka goes on
        trying, and the batch is empty.
        """
        first = self._consumer.poll(wait_s)
        if first is None:
            denied = self._errors.denied
            if denied is not None:
                raise translate(denied, "read")
            return []
        messages = [first]
        if max_records > 1:
            self._gone.clear()
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
        problem = translate(error, f"read topic {topic}")
        # A topic that is not there yet (or any more) is looked for again at each refresh of the metadata; a member
        # that was too slow to poll has lost its partitions (`on_lost`) and joins again.
        passing = isinstance(problem, (TransientError, TopicMissing)) or error.code() == KafkaError._MAX_POLL_EXCEEDED
        if error.fatal() or not passing:
            raise problem
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
        with self._errors.translating("commit offsets"):
            if not synchronous:
                self._consumer.commit(offsets=topic_partitions, asynchronous=True)
                return
            for topic_partition in self._consumer.commit(offsets=topic_partitions, asynchronous=False) or ():
                if topic_partition.error is not None:
                    raise translate(
                        topic_partition.error,
                        f"commit the offset of {topic_partition.topic}[{topic_partition.partition}]",
                    )

    def committed(self, topic_partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The committed next offset of partitions; those without one are left out."""
        with self._errors.translating("give committed offsets"):
            found = self._consumer.committed(
                [KafkaTopicPartition(*each) for each in topic_partitions], timeout=_CALL_TIMEOUT_S
            )
        return {TopicPartition(p.topic, p.partition): p.offset for p in found if p.offset >= 0}

    def committed_with_metadata(
        self, topic_partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, str | None]]:
        """The committed next offset of partitions and the text that went with it; those without one are left out."""
        with self._errors.translating("give committed offsets"):
            found = self._consumer.committed(
                [KafkaTopicPartition(*each) for each in topic_partitions], timeout=_CALL_TIMEOUT_S
            )
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
        with self._errors.translating("pause partitions"):
            self._consumer.pause([KafkaTopicPartition(*each) for each in topic_partitions])

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        with self._errors.translating("resume partitions"):
            self._consumer.resume([KafkaTopicPartition(*each) for each in topic_partitions])

    def seek(self, topic_partition: TopicPartition, next_offset: int) -> None:
        """Go on at another offset in a partition that is held."""
        with self._errors.translating(f"seek in {topic_partition.topic}[{topic_partition.partition}]"):
            self._consumer.seek(KafkaTopicPartition(topic_partition.topic, topic_partition.partition, next_offset))

    def assignment(self) -> list[TopicPartition]:
        """The partitions that are held."""
        with self._errors.translating("give the assignment"):
            return [TopicPartition(p.topic, p.partition) for p in self._consumer.assignment()]

    def group_metadata(self) -> object:
        """For `TransactionalProducer.send_offsets`; take it when the batch is polled (rule F1)."""
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
            _log.warning("consumer does not close, it is left behind", group=self.group)
        if problems:
            raise problems[0]

    def _close(self, problems: list[BaseException]) -> None:
        try:
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
