"""Tells people when a breaker opens and closes, and of documents that are held."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

import structlog

from cdc_runtime import subjects
from cdc_runtime.health import Health
from vespa_sink.health import report
from vespa_sink.intake.topics import TableTopic, TopicType
from vespa_sink.metrics import SinkMetrics

_log = structlog.get_logger(__name__)
_TOLD_EACH_S = 60.0


class BreakerReport:
    """By health, metrics and log; for one document type."""

    def __init__(self, document_type: str, health: Health, metrics: SinkMetrics) -> None:
        self._document_type = document_type
        self._subject = subjects.document_type(document_type)
        self._health = health
        self._metrics = metrics
        self.is_open = False
        self._failing_subject = subjects.failing_documents(document_type)
        self._failing = 0
        self._overflow_told_at = self._failure_told_at = float("-inf")
        self._clock: Callable[[], float] = time.monotonic

    def now(self, tables: Collection[TopicType], reason: str, *, held: int, parked: int) -> None:
        """Of these tables nothing is sent, because of the last rejection; so much is held, and waits."""
        self._metrics.held(self._document_type, held)
        if bool(tables) == self.is_open:
            return
        self.is_open = bool(tables)
        self._metrics.circuit(self._document_type, is_open=self.is_open)
        if not tables:
            report(self._health, self._subject, None)
            _log.info("breaker closed", document_type=self._document_type, held=held, parked=parked)
            return
        names = sorted(_name(each) for each in tables)
        report(
            self._health,
            self._subject,
            f"expected documents of {names[0]} to be accepted, got {reason}; "
            "compare the deployed application: vespa-sink check",
        )
        _log.error("breaker opened", document_type=self._document_type, tables=names[:10], reason=reason)

    def fails(self, document: str, answer: str) -> None:
        """A document, and no other, is answered so each time."""
        now = self._clock()
        if now - self._failure_told_at >= _TOLD_EACH_S:
            self._failure_told_at = now
            _log.warning("document fails each time", document=document, answer=answer)

    def failing(self, documents: Mapping[str, str]) -> None:
        """These fail each time, by what they are answered."""
        if not documents and not self._failing:
            return
        self._failing = len(documents)
        self._metrics.failing(self._document_type, self._failing)
        reason = None
        if documents:
            first = min(documents)
            others = f", and {len(documents) - 1} others likewise" if len(documents) > 1 else ""
            reason = f"expected {first} to be written as others are, got each time {documents[first]}{others}"
        report(self._health, self._failing_subject, reason)

    def overflowed(self, held: int) -> None:
        """A document is given up before its time."""
        now = self._clock()
        if now - self._overflow_told_at >= _TOLD_EACH_S:
            self._overflow_told_at = now
            _log.warning(
                "too many rejected documents are held",
                document_type=self._document_type,
                held=held,
                reason="those that Vespa rejected ten times go to the dead letters before breaker.rollout_s is over; "
                "compare the deployed application: vespa-sink check",
            )


def _name(table: TopicType) -> str:
    return str(table.table) if isinstance(table, TableTopic) else table.value
