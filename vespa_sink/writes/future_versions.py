"""
Looks into a sample of refused writes.

A stored version that lies in the future (a clock that ran ahead, a lost `_offsets`) would turn every write of a row
into a silent 412. Versions of files count attempts of row versions (rule F3).

Keeps: V8.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import structlog

from cdc_runtime.consuming.tasks import Tasks
from schemas.errors import TransientError
from schemas.file_results import row_version_of
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.operations import Operation

_log = structlog.get_logger(__name__)
_EVERY_S = 5.0
_CLOCKS_DIFFER_US = 60 * 1_000_000


class Documents(Protocol):
    """The index, as it is read here."""

    async def get(self, path: str) -> Mapping[str, Any]:
        """Read a document; a missing one has no `fields`. Raises `TransientError`."""


class FutureVersions:
    """One look every few seconds at most."""

    def __init__(
        self,
        documents: Documents,
        *,
        tasks: Tasks,
        metrics: SinkMetrics,
        file_types: Collection[str],
        every_s: float = _EVERY_S,
    ) -> None:
        self._documents = documents
        self._tasks = tasks
        self._file_types = file_types
        self._metrics = metrics
        self._every_s = every_s
        self._looked_at = float("-inf")

    def refused(self, operation: Operation) -> None:
        """The index holds this version or a newer one: its document is looked at, unless one was lately."""
        now = time.monotonic()
        if now - self._looked_at >= self._every_s:
            self._looked_at = now
            self._tasks.run(self._look(operation))

    async def _look(self, operation: Operation) -> None:
        document = operation.document
        try:
            answer = await self._documents.get(version_path(document))
        except TransientError:
            return
        fields = answer.get("fields")
        stored = fields.get("version") if isinstance(fields, dict) else None
        if not isinstance(stored, int):
            return
        now_us = time.time_ns() // 1000
        row_version = row_version_of(stored) if document.type in self._file_types else stored
        if row_version > now_us + _CLOCKS_DIFFER_US:
            self._metrics.future_versions.inc()
            _log.error(
                "the index holds a version from the future: newer rows are refused",
                document=str(document),
                stored=stored,
                offered=operation.version,
                ahead_s=(row_version - now_us) // 1_000_000,
                remedy=f"cdc-reader run --version-seed {row_version}, or remove the document",
            )


def version_path(document: DocumentId) -> str:
    """The path of a document of which nothing but its version is read."""
    return f"{document.path}?fieldSet={quote(f'{document.type}:version', safe='')}"
