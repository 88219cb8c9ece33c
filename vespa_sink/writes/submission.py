"""Puts what records ask for into the order of writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cdc_runtime.consuming.row_changes import Floor, Nothing
from vespa_sink.completion import Completion
from vespa_sink.intake.listing_changes import AnyChange
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.metrics import SinkMetrics
from vespa_sink.writes.composer import Composer
from vespa_sink.writes.write_order import Barrier, Write, WriteOrder


class Submission:
    """Calls `wake` when something may be started."""

    def __init__(
        self,
        order: WriteOrder[SinkPartition, Any],
        composer: Composer,
        completion: Completion,
        *,
        metrics: SinkMetrics,
        wake: Callable[[], None],
    ) -> None:
        self._order = order
        self._composer = composer
        self._completion = completion
        self._metrics = metrics
        self._wake = wake

    def submit(self, partition: SinkPartition, change: AnyChange) -> None:
        """Take a change; its record is done once its effect is durable."""
        if isinstance(change, Nothing):
            self._metrics.skipped(change.reason)
            self._completion.done(partition, change.record)
            return
        if isinstance(change, Floor):
            self._completion.needless(self._order.offer(Barrier(partition, change, change.below_version)))
        else:
            document = self._composer.document(partition.topic_type, change)
            write = Write(partition, str(document), change.version, change)
            self._completion.needless(self._order.offer(write))
        self._wake()
