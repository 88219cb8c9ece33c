"""
Does what `answers` decides about each answer of Vespa.

Keeps: V4.
"""

from __future__ import annotations

from collections.abc import Mapping

from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import Answer, Verdict, may_apply_later, public_reason, stop_error, verdict
from vespa_sink.vespa.operations import Operation
from vespa_sink.writes.accepted import Accepted
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.endpoint import Endpoint
from vespa_sink.writes.rejections import Rejections
from vespa_sink.writes.retries import Retries


class Results:
    """`rejections` by document type; `longest_request_s`: until then a write without an answer may take effect."""

    def __init__(
        self,
        endpoint: Endpoint,
        accepted: Accepted,
        rejections: Mapping[str, Rejections],
        retries: Retries,
        *,
        metrics: SinkMetrics,
        longest_request_s: float,
    ) -> None:
        self._endpoint = endpoint
        self._accepted = accepted
        self._rejections = rejections
        self._retries = retries
        self._metrics = metrics
        self._longest_request_s = longest_request_s

    def take(self, attempt: Attempt, operation: Operation, answer: Answer, now: float) -> None:
        """Handle the answer to an attempt. Raises `FatalError` when no document will do."""
        decided = verdict(answer)
        if decided is Verdict.RETRY:
            if may_apply_later(answer):
                attempt.write.partition.doubts.unanswered(now + self._longest_request_s)
            self._endpoint.failed(answer, attempt.sent_at, now)
            self._retries.later(attempt, answer.status)
            return
        self._endpoint.answered()
        if decided is Verdict.THROTTLED:
            self._endpoint.throttled()
            self._retries.later(attempt, answer.status)
        elif decided is Verdict.REJECTED:
            self._metrics.operation(operation.document.type, operation.action, decided.value)
            self._rejections[operation.document.type].reject(attempt, public_reason(answer))
        elif decided is Verdict.STOP:
            raise stop_error(answer, self._endpoint.url)
        else:
            self._endpoint.succeeded()
            self._rejections[operation.document.type].accepted()
            self._accepted.take(attempt, operation, answer, decided)
