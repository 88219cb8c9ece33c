"""
Follows partitions of one topic without a consumer group: from an offset on, or to the true end (rule P1).

P1: another producer's open transaction hides records that are committed behind it. So the end is the high watermark
of the moment of asking, and reading waits (bounded) until the last stable offset has reached it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import QUIET_S, Call
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.broker_watch import BrokerWatch
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client, record_of
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import Neighbour, TransientError, Unreachable

_log = structlog.get_logger(__name__)
FROM_BEGINNING: int = OFFSET_BEGINNING
_BATCH = 1000
_WAIT_S = 0.2
_LSO_PAUSE_S = 0.02
_QUEUE_KBYTES = 16 * 1024
# Long enough for a transaction of the reader to end, or to be ended by the broker at its time-out of 60 s.
_READ_TIMEOUT_S = 90.0
_READ = Call("poll", Neighbour.KAFKA, QUIET_S)
_CLOSE = Call("close", Neighbour.KAFKA, QUIET_S)


class Tail:
    """
    Reads partitions by manual assignment, at read_committed. One thread at a time.

    `start` gives the first offset per partition; without it all partitions are read from the beginning.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        start: Mapping[int, int] | None = None,
        *,
        admin: KafkaAdmin | None = None,
    ) -> None:
        self.topic = topic
        self._settings = settings
        self._errors = ErrorMemory()
        self._admin = admin or KafkaAdmin(settings)
        if start is None:
            start = {each.partition: OFFSET_BEGINNING for each in self._admin.topic_partitions(topic)}
        # Next offset per partition; OFFSET_BEGINNING (negative) until the first record or end was seen.
        self.next_offsets: dict[int, int] = dict(start)
        self._consumer = self._reading()

    def _reading(self) -> Consumer:
        """A client of its own, which reads at the next offsets."""
        self._watch = BrokerWatch()
        config = client_config(
            self._settings,
            self._errors,
            self._watch,
            # Required by librdkafka; nothing is ever committed or joined under it.
            group_id=f"{self._settings.prefix}-tail",
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            isolation_level="read_committed",
            auto_offset_reset="error",
            enable_partition_eof=True,
            queued_max_messages_kbytes=_QUEUE_KBYTES,
            fetch_queue_backoff_ms=50,
            fetch_wait_max_ms=100,
        )
        consumer = make_client(Consumer, self._settings, config)
        with self._errors.translating(f"take partitions of topic {self.topic}"), CALLS.held(_READ):
            consumer.assign([KafkaTopicPartition(self.topic, *each) for each in self.next_offsets.items()])
        return consumer

    def _begin_anew(self) -> None:
        """Read on with a new client, where the old one would never connect again."""
        _log.warning("consumer has lost all brokers, it begins anew", topic=self.topic)
        former, self._consumer = self._consumer, self._reading()
        with CALLS.held(_CLOSE):
            former.close()

    def poll(self, wait_s: float = 0.0, max_records: int = _BATCH) -> list[Record]:
        """Read what is there: waits `wait_s` at most for the first record. Raises our errors."""
        if self._watch.lost:
            self._begin_anew()
        with self._errors.translating(f"read topic {self.topic}"), CALLS.held(_READ):
            first = self._consumer.poll(wait_s)
            messages = [] if first is None else [first, *self._consumer.consume(max_records - 1, 0)]
        self._errors.log.served()
        if not messages:
            self._refused()
        records = []
        for message in messages:
            error = message.error()
            partition, offset = message.partition(), message.offset()
            if error is None:
                record = record_of(message)
                self.next_offsets[record.partition] = record.offset + 1
                records.append(record)
            elif error.code() != KafkaError._PARTITION_EOF:
                raise self._errors.translate(error, f"read topic {self.topic}")
            elif partition is not None and offset is not None:
                # The end lies behind markers and aborted records that are never handed out.
                self.next_offsets[partition] = max(self.next_offsets[partition], offset)
        return records

    def read_to_end(self, timeout_s: float = _READ_TIMEOUT_S) -> Iterator[Record]:
        """
        Read all that is committed up to the high watermark of now (rule P1), then stop.

        Raises `TransientError` when another producer's transaction stays open for `timeout_s`, `Unreachable`.
        """
        deadline = time.monotonic() + timeout_s
        topic_partitions = [TopicPartition(self.topic, partition) for partition in self.next_offsets]
        ends = self._admin.end_offsets(topic_partitions, "uncommitted")
        self._wait_for_open_transactions(ends, deadline)
        yield from self._read_to(ends, deadline)

    def read_committed(self, timeout_s: float = _READ_TIMEOUT_S) -> Iterator[Record]:
        """Read what is committed before the first open transaction of now, then stop. Raises `Unreachable`."""
        topic_partitions = [TopicPartition(self.topic, partition) for partition in self.next_offsets]
        deadline = time.monotonic() + timeout_s
        yield from self._read_to(self._admin.end_offsets(topic_partitions, "committed"), deadline)

    def _read_to(self, ends: Mapping[TopicPartition, int], deadline: float) -> Iterator[Record]:
        begins = self._admin.begin_offsets(ends)
        behind = {p.partition: end for p, end in ends.items() if end > max(begins[p], self.next_offsets[p.partition])}
        while behind:
            yield from self.poll(_WAIT_S)
            behind = {partition: end for partition, end in behind.items() if self.next_offsets[partition] < end}
            if behind and time.monotonic() > deadline:
                raise Unreachable(
                    expected=f"topic {self.topic} to be read to its end in time",
                    found=f"records still to come in partitions {sorted(behind)}",
                    neighbour=Neighbour.KAFKA,
                )

    def _wait_for_open_transactions(self, ends: Mapping[TopicPartition, int], deadline: float) -> None:
        while True:
            stable = self._admin.end_offsets(ends, "committed")
            if all(stable[each] >= end for each, end in ends.items()):
                return
            if time.monotonic() > deadline:
                raise TransientError(
                    expected=f"the last stable offset of topic {self.topic} to reach its end",
                    found="an open transaction",
                    neighbour=Neighbour.KAFKA,
                    remedy="another producer has a transaction open: stop it, or wait for its time-out; "
                    f"one that stays is hanging: kafka-transactions.sh --bootstrap-server "
                    f"{self._settings.bootstrap_servers} find-hanging --topic {self.topic} names it",
                )
            time.sleep(_LSO_PAUSE_S)

    def _refused(self) -> None:
        denied = self._errors.denied
        if denied is not None:
            raise self._errors.translate(denied, f"read topic {self.topic}")

    def close(self) -> None:
        """Free the client; may be called twice."""
        with CALLS.held(_CLOSE):
            self._consumer.close()
