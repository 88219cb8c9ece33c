"""What is sent next: what was tried before, then what is new, with the operation that it takes now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from schemas.errors import RecordError
from vespa_sink.completion import Completion
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.operations import Action
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.composer import Composer
from vespa_sink.writes.rejections import Rejections
from vespa_sink.writes.retries import Retries
from vespa_sink.writes.stand_ins import StandIns
from vespa_sink.writes.write_order import WriteOrder


class Outbox:
    """Hands out attempts that are ready to be sent; `rejections` by document type."""

    def __init__(
        self,
        order: WriteOrder[SinkPartition, Any],
        retries: Retries,
        composer: Composer,
        *,
        rejections: Mapping[str, Rejections],
        completion: Completion,
        stand_ins: StandIns,
        metrics: SinkMetrics,
    ) -> None:
        self._order = order
        self._retries = retries
        self._composer = composer
        self._rejections = rejections
        self._completion = completion
        self._stand_ins = stand_ins
        self._metrics = metrics

    @property
    def held_up(self) -> bool:
        """Whether nothing of some document type may be sent."""
        return any(each.holds_up for each in self._rejections.values())

    def take(self) -> Attempt | None:
        """The next attempt, with its operation; None when there is nothing to send."""
        while (attempt := self._next()) is not None:
            write = attempt.write
            if write.partition.dropped:
                self._left(attempt)
                self._order.done(write)
            elif attempt.tries and self._order.newer_waits(write):
                self._left(attempt)
                self._metrics.collapsed.inc()
                self._completion.settled(write)
            elif self._ready(attempt):
                return attempt
        return None

    def _next(self) -> Attempt | None:
        attempt = self._retries.take()
        if attempt is not None:
            return attempt
        write = self._order.take()
        return None if write is None else Attempt(write)

    def _ready(self, attempt: Attempt) -> bool:
        """Whether the attempt can be sent now; it is parked, or given up, when not."""
        operation = attempt.operation
        if operation is None or operation.action is Action.DELETE:  # a delete carries the time of its writing
            now_ms = int(time.time() * 1000)
            try:
                composed = self._composer.compose(attempt.table, attempt.write.content, now_ms, attempt.extent)
            except RecordError as exc:
                self._left(attempt)
                self._stand_ins.give_up(attempt, exc, refused=False)
                return False
            operation = attempt.operation = composed.operation
            if composed.replaced:
                self._metrics.replaced_text.inc(composed.replaced)
        return not self._rejections[operation.document.type].keeps_back(attempt)

    def _left(self, attempt: Attempt) -> None:
        if attempt.refused_at is not None:
            document = self._composer.document(attempt.table, attempt.write.content)
            self._rejections[document.type].left(attempt)
