"""Tells people when a breaker opens and closes."""

from __future__ import annotations

import structlog

from cdc_runtime import subjects
from cdc_runtime.health import Health
from vespa_sink.health import report
from vespa_sink.metrics import SinkMetrics

_log = structlog.get_logger(__name__)


class BreakerReport:
    """By health, metrics and log; for one document type."""

    def __init__(self, document_type: str, health: Health, metrics: SinkMetrics) -> None:
        self._document_type = document_type
        self._subject = subjects.document_type(document_type)
        self._health = health
        self._metrics = metrics

    def opened(self, reason: str) -> None:
        """Nothing of the type is sent."""
        told = f"expected documents to be accepted, got {reason}; compare the deployed application: vespa-sink check"
        report(self._health, self._subject, told)
        self._metrics.circuit(self._document_type, is_open=True)
        _log.error("breaker opened", document_type=self._document_type, reason=reason)

    def closed(self, *, held: int, parked: int) -> None:
        """All that waited is sent."""
        report(self._health, self._subject, None)
        self._metrics.circuit(self._document_type, is_open=False)
        _log.info("breaker closed", document_type=self._document_type, held=held, parked=parked)
