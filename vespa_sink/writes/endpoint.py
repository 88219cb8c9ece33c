"""
How many requests Vespa may get now, and what is told of an outage.

Keeps: V10.
"""

from __future__ import annotations

import structlog

from cdc_runtime.health import Health
from cdc_runtime.subjects import VESPA, VESPA_PARTS
from cdc_runtime.throttle import Throttle
from cdc_runtime.vespa_answers import REMEDY
from vespa_sink.health import report
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import Answer
from vespa_sink.writes.outage import Outage

_log = structlog.get_logger(__name__)
_TOLD_EACH_S = 60.0  # one document that is answered so may be alone for long


class Endpoint:
    """Counts the requests in flight; asks no clock."""

    def __init__(self, url: str, throttle: Throttle, outage: Outage, *, health: Health, metrics: SinkMetrics) -> None:
        self.url = url
        self._throttle = throttle
        self._outage = outage
        self._health = health
        self._metrics = metrics
        self._in_flight = 0
        self._foreign = False
        self._told_at = float("-inf")

    @property
    def lasting_outage(self) -> bool:
        """Whether it counts as gone."""
        return self._outage.lasting

    @property
    def is_foreign(self) -> bool:
        """Whether what answers there is not Vespa, so that no document is sent: it is probed."""
        return self._foreign and self._outage.lasting

    def allows(self, now: float) -> bool:
        """Whether one more request may be sent."""
        in_flight = self._in_flight
        return in_flight < self._throttle.limit and self._outage.allowed(in_flight, now)

    def pause_s(self, now: float) -> float | None:
        """Seconds until a request may be sent in an outage; None when an answer is to come before that."""
        return None if self._in_flight else self._outage.wait_s(now)

    def sent(self, now: float) -> None:
        """A request goes out."""
        self._in_flight += 1
        self._throttle.sent(now)
        self._metrics.in_flight.set(self._in_flight)
        self._metrics.in_flight_limit.set(self._throttle.limit)

    def ended(self) -> None:
        """A request is over, well or not."""
        self._in_flight -= 1
        self._metrics.in_flight.set(self._in_flight)

    def failed(self, answer: Answer, sent_at: float, now: float) -> None:
        """No answer came, or one of a server in trouble, or one that is not Vespa's."""
        was_lasting = self._outage.lasting
        self._outage.failed(sent_at, now)
        self._foreign = bool(answer.foreign)
        lasting = self._outage.lasting
        if lasting:
            report(self._health, VESPA, f"expected {self.url} to take writes, got {answer.found}")
        if lasting and not was_lasting:
            _log.warning("vespa does not take writes", status=answer.status, reason=answer.found[:80])
        elif answer.foreign and now - self._told_at >= _TOLD_EACH_S:
            self._told_at = now
            _log.warning("answer is not vespa's", status=answer.status, answer=answer.foreign, remedy=REMEDY)

    def answered(self) -> None:
        """An answer came of a server that works."""
        if self._outage.lasting:
            report(self._health, VESPA, None)
        self._outage.answered()
        self._foreign = False

    def lacks_a_part(self, answer: Answer) -> None:
        """A part of the documents cannot be written, as many as lie there."""
        report(self._health, VESPA_PARTS, f"expected {self.url} to take all documents, got {answer.found} for a part")
        _log.warning("vespa does not take a part of the documents", status=answer.status, reason=answer.found[:80])

    def is_whole(self) -> None:
        """Every part takes documents."""
        report(self._health, VESPA_PARTS, None)

    def throttled(self) -> None:
        """It asks for fewer requests."""
        self._throttle.throttled(self._in_flight)

    def succeeded(self) -> None:
        """It keeps up."""
        self._throttle.succeeded()
