"""
Carries out what a floor asks for: lists the documents below it and removes them, until none is left.

A document whose field `doc_id` is not its id (another tool's, or planted) is listed for ever, and cannot be removed by
what it is listed as. While only such are left the floor waits ever longer and says so; then it looks for what is behind
a full page of them, and ends with an alarm.

Keeps: V4.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Backoff
from schemas.errors import TransientError
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import Answer, Verdict, verdict
from vespa_sink.vespa.operations import Limits, Operation, conditional_remove
from vespa_sink.vespa.searches import Page, Standstill, Sweep, page_of

_log = structlog.get_logger(__name__)
_AT_A_TIME = 16
_MOST_KNOWN = 50_000


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
        self._left: set[str] = set()  # which floors have ended with; not told twice

    async def sweep(self, sweep: Sweep, wanted: Callable[[], bool], on_trouble: Callable[[str | None], None]) -> None:
        """
        Return when a query with full coverage lists nothing that can be removed, or `wanted()` is False.

        `on_trouble` is told why it takes longer, and None when it goes on.
        """
        backoff, standstill = Backoff(NEIGHBOUR_DELAYS, random.random), Standstill(self._left)
        while wanted():
            try:
                query = sweep.query(self._limits.timeout_ms / 1000, standstill.passed)
                page = page_of(await self._documents.search(query))
                removals = await self._remove(sweep, page)
            except TransientError as exc:
                reason: str | None = str(exc)
            else:
                standstill.looked(page, removals, now := time.monotonic())
                if standstill.over(page, now):
                    self._alarm(sweep, standstill)
                    on_trouble(None)
                    return
                reason = None if standstill.passes(page, now) else _trouble(page, removals, standstill)
            if reason is None:
                backoff.succeeded()
            else:
                on_trouble(f"removing what is gone of {sweep.table}: {reason}")
                await asyncio.sleep(backoff.failed())

    async def _remove(self, sweep: Sweep, page: Page) -> list[Verdict]:
        """Remove what a page lists; what the answers mean."""
        verdicts: list[Verdict] = []
        for start in range(0, len(page.doc_ids), _AT_A_TIME):
            verdicts += await asyncio.gather(
                *(self._remove_one(sweep, doc_id) for doc_id in page.doc_ids[start : start + _AT_A_TIME])
            )
        return verdicts

    async def _remove_one(self, sweep: Sweep, doc_id: str) -> Verdict:
        if not doc_id:
            return Verdict.SUPERSEDED  # nothing can be asked for by it
        document = DocumentId(sweep.index.namespace, sweep.index.document_type, doc_id)
        operation = conditional_remove(document, sweep.below_version, self._limits)
        answer = await self._documents.send(operation)
        decided = verdict(answer)
        self._metrics.operation(document.type, operation.action, decided.value)
        if decided is Verdict.APPLIED:
            self._metrics.swept.inc()
        return decided

    def _alarm(self, sweep: Sweep, standstill: Standstill) -> None:
        new = sorted(standstill.left - self._left)
        if not new:
            return
        if len(self._left) > _MOST_KNOWN:
            self._left.clear()
        self._left.update(new)
        self._metrics.not_swept.inc(len(new))
        _log.error(
            "floor has ended, but documents below it stay",
            table=sweep.table,
            partition=sweep.partition,
            documents=len(new),
            listed_as=new[:10],
            more_may_stay=standstill.bound_reached,
            because="their ids are not what their field doc_id says",
            remedy="find them by doc_id and remove them by their own ids",
        )


def _trouble(page: Page, removals: list[Verdict], standstill: Standstill) -> str | None:
    if not page.complete:
        return "expected a search over all documents, got one over a part: a part of Vespa is away or overloaded"
    for doc_id, decided in zip(page.doc_ids, removals, strict=True):
        if decided not in (Verdict.APPLIED, Verdict.SUPERSEDED):
            return f"expected {doc_id} to be removed, got {decided.value!r} each time"
    if not standstill.stuck:
        return None
    first = min(standstill.stuck) or "none"
    return (
        f"{len(standstill.stuck)} documents of rows that are gone were removed and are found again: their ids are not "
        f"what their field doc_id says ({first})"
    )
