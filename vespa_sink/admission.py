"""
How records come in: read, and submitted as writes; or kept in order until they can be read.

Rule 1: nothing of a partition is handled before its position was checked (rule V7).
Rule 2: a record that cannot be read yet (unknown schema or table, rule P10) holds its partition; what comes after it
        waits in order. It is never dead-lettered.
Rule 3: a record that can never be read goes to the dead letters.

Keeps: P10.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from cdc_runtime.consuming.backpressure import Backpressure
from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.health import Health
from schemas.errors import RecordError
from schemas.wire import UnknownSchema
from vespa_sink.completion import Completion
from vespa_sink.health import report
from vespa_sink.intake.partitions import SinkPartition, size_of
from vespa_sink.intake.record_reader import RecordReader, UnknownTable
from vespa_sink.metrics import SinkMetrics
from vespa_sink.writes.submission import Submission


class Admission:
    """
    Lives in the event loop.

    `blocked` is set when a partition begins to wait for a schema or a table, `doubted` when its offsets have run back.
    """

    def __init__(
        self,
        partitions: Mapping[TopicPartition, SinkPartition],
        reader: RecordReader,
        submission: Submission,
        *,
        completion: Completion,
        backpressure: Backpressure[SinkPartition],
        health: Health,
        metrics: SinkMetrics,
    ) -> None:
        self._partitions = partitions
        self._reader = reader
        self._submission = submission
        self._completion = completion
        self._backpressure = backpressure
        self._health = health
        self._metrics = metrics
        self.blocked = asyncio.Event()
        self.doubted = asyncio.Event()

    def take(self, records: Sequence[Record]) -> None:
        """Take records that were read; those of partitions that we do not hold are passed over."""
        partitions = self._partitions
        for record in records:
            assigned = partitions.get(TopicPartition(record.topic, record.partition))
            if assigned is None:
                continue
            if not assigned.deliver(record):
                self.doubted.set()
            if assigned.waits:
                self._backpressure.taken(assigned, size_of(record))
                assigned.backlog.append(record)
            elif assigned.take(record):
                self._backpressure.taken(assigned, size_of(record))
                self._metrics.consumed(record.topic)
                self._admit(assigned, record)

    def release(self, assigned: SinkPartition, *, refreshed: bool = False) -> bool:
        """Go on with what waited; False when the partition is blocked again (or still)."""
        released = assigned.let_in(lambda record: self._admit_waiting(assigned, record, refreshed=refreshed))
        report(self._health, assigned.subject, assigned.blocked or None)
        return released

    def _admit_waiting(self, assigned: SinkPartition, record: Record, *, refreshed: bool) -> bool:
        if assigned.take(record):
            self._metrics.consumed(record.topic)
        elif record.offset != assigned.blocked_offset:
            self._backpressure.done(assigned, size_of(record))
            return True
        return self._admit(assigned, record, refreshed=refreshed)

    def _admit(self, assigned: SinkPartition, record: Record, *, refreshed: bool = False) -> bool:
        """Submit what a record that was taken asks for; False when it blocks its partition."""
        try:
            change = self._reader.read(assigned.topic_type, record, refreshed=refreshed)
        except (UnknownSchema, UnknownTable) as exc:
            self._block(assigned, record, str(exc))
            return False
        except RecordError as exc:
            self._completion.dead_letter(assigned, record, Failure(exc, "decode", __name__))
            return True
        self._submission.submit(assigned, change)
        return True

    def _block(self, assigned: SinkPartition, record: Record, reason: str) -> None:
        assigned.block(record, reason)
        assigned.blocked_offset = record.offset
        self.blocked.set()
