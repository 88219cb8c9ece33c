"""
What follows an answer that says the index needs nothing more of a write.

Keeps: V3.
"""

from __future__ import annotations

import time

import structlog

from vespa_sink.completion import Completion
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import Answer, Verdict, must_be_removed
from vespa_sink.vespa.operations import Action, Limits, Operation, remove_forgotten
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.composer import committed_at_s
from vespa_sink.writes.future_versions import FutureVersions
from vespa_sink.writes.retries import Retries

_log = structlog.get_logger(__name__)


class Accepted:
    """Counts accepted writes, and ends them; a delete that Vespa ignored is followed by a remove first."""

    def __init__(
        self,
        completion: Completion,
        retries: Retries,
        versions: FutureVersions,
        *,
        metrics: SinkMetrics,
        limits: Limits,
    ) -> None:
        self._completion = completion
        self._retries = retries
        self._versions = versions
        self._metrics = metrics
        self._limits = limits

    def take(self, attempt: Attempt, operation: Operation, answer: Answer, decided: Verdict) -> None:
        """Handle one answer."""
        document_type = operation.document.type
        self._metrics.operation(document_type, operation.action, decided.value)
        if answer.ignored_fields:
            self._metrics.ignored_fields(document_type)
        if must_be_removed(operation.action, decided):
            attempt.operation = remove_forgotten(operation.document, operation.version, self._limits)
            self._retries.again([attempt])
            return
        if decided is Verdict.IGNORED:
            named = {"document": str(operation.document), "operation": operation.action.value}
            _log.warning("vespa ignored a write", document_type=document_type, **named)
        elif decided is Verdict.APPLIED:
            self._observe_latency(attempt)
        elif operation.action is Action.PUT:
            self._versions.refused(operation)
        self._completion.settled(attempt.write)

    def _observe_latency(self, attempt: Attempt) -> None:
        committed = committed_at_s(attempt.write.content)
        if committed is not None:
            self._metrics.end_to_end.observe(max(0.0, time.time() - committed))
