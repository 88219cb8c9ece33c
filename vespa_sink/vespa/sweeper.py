"""
Carries out what a floor asks for: lists the documents below it and removes them, until none is left.

Keeps: V4.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Backoff
from schemas.errors import TransientError
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import Answer, Verdict, stop_error, verdict
from vespa_sink.vespa.operations import Limits, Operation, conditional_remove
from vespa_sink.vespa.searches import Page, Sweep, page_of

_log = structlog.get_logger(__name__)
_AT_A_TIME = 16


class Documents(Protocol):
    """The index, as a floor needs it."""

    @property
    def url(self) -> str:
        """Where it is."""

    async def search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a query. Raises `TransientError` unless it is answered."""

    async def send(self, operation: Operation) -> Answer:
        """Carry an operation out once; never raises for what the network or the server does."""


class FloorSweeper:
    """Removes documents below a floor; goes on trying until it is over or no longer wanted."""

    def __init__(self, documents: Documents, limits: Limits, metrics: SinkMetrics) -> None:
        self._documents = documents
        self._limits = limits
        self._metrics = metrics

    async def sweep(self, sweep: Sweep, wanted: Callable[[], bool], on_trouble: Callable[[str | None], None]) -> None:
        """
        Return when a query with full coverage lists nothing, or `wanted()` is False.

        `on_trouble` is told why it takes longer, and None when it goes on. Raises `FatalError`.
        """
        backoff = Backoff(NEIGHBOUR_DELAYS, random.random)
        while wanted():
            try:
                page = page_of(await self._documents.search(sweep.query(self._limits.timeout_ms / 1000)))
                removed = await self._remove(sweep, page)
            except TransientError as exc:
                reason: str | None = str(exc)
            else:
                if page.over:
                    on_trouble(None)
                    return
                reason = None if page.complete and removed else "expected full coverage and removals, got less"
            if reason is None:
                backoff.succeeded()
            else:
                on_trouble(f"sweep of {sweep.table}: {reason}")
                await asyncio.sleep(backoff.failed())

    async def _remove(self, sweep: Sweep, page: Page) -> bool:
        """Remove what a page lists; False when something of it could not be."""
        complete = True
        for start in range(0, len(page.doc_ids), _AT_A_TIME):
            answers = await asyncio.gather(
                *(self._remove_one(sweep, doc_id) for doc_id in page.doc_ids[start : start + _AT_A_TIME])
            )
            complete = complete and all(answers)
        return complete

    async def _remove_one(self, sweep: Sweep, doc_id: str) -> bool:
        document = DocumentId(sweep.index.namespace, sweep.index.document_type, doc_id)
        operation = conditional_remove(document, sweep.below_version, self._limits)
        answer = await self._documents.send(operation)
        decided = verdict(answer)
        if decided is Verdict.STOP:
            raise stop_error(answer, self._documents.url)
        self._metrics.operation(document.type, operation.action, decided.value)
        if decided is Verdict.APPLIED:
            self._metrics.swept.inc()
        return decided in (Verdict.APPLIED, Verdict.SUPERSEDED)
