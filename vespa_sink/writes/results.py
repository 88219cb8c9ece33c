"""
Does what `answers` decides about each answer of Vespa.

Keeps: V4, V15.
"""

from __future__ import annotations

from collections.abc import Mapping

from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import NOT_NOW, Answer, Verdict, may_apply_later, refusal, verdict
from vespa_sink.vespa.operations import Operation
from vespa_sink.writes.accepted import Accepted
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.endpoint import Endpoint
from vespa_sink.writes.rejections import Rejections
from vespa_sink.writes.suspects import Suspects


class Results:
    """`rejections` by document type; `longest_request_s`: until then a write without an answer may take effect."""

    def __init__(
        self,
        endpoint: Endpoint,
        accepted: Accepted,
        rejections: Mapping[str, Rejections],
        suspects: Suspects,
        *,
        metrics: SinkMetrics,
        longest_request_s: float,
    ) -> None:
        self._endpoint = endpoint
        self._suspects = suspects
        self._accepted = accepted
        self._rejections = rejections
        self._metrics = metrics
        self._longest_request_s = longest_request_s

    def take(self, attempt: Attempt, operation: Operation, answer: Answer, now: float) -> None:
        """Handle the answer to an attempt."""
        decided = verdict(answer)
        if decided in NOT_NOW:
            if may_apply_later(answer):
                attempt.write.partition.doubts.unanswered(now + self._longest_request_s)
            if self._suspects.suspected(attempt, answer):
                self._suspects.judge(attempt, operation, answer)
            else:
                self._suspects.not_now(attempt, answer, now)
            return
        self._endpoint.answered()
        if decided is Verdict.REJECTED:
            self._metrics.operation(operation.document.type, operation.action, decided.value)
            self._rejections[operation.document.type].reject(attempt, refusal(answer))
        elif decided is Verdict.STOP:
            self._suspects.judge(attempt, operation, answer)
        else:
            self._endpoint.succeeded()
            self._rejections[operation.document.type].accepted(attempt, operation)
            self._accepted.take(attempt, operation, answer, decided)
