"""
Edge: keeps what is known of schemas and tables up to date, in a thread of its own, for one that must not wait.

Keeps: P10.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

import structlog

from cdc_runtime.consuming.tasks import ThreadTasks
from file_fetcher.intake.file_columns import FileColumns
from schemas.errors import TransientError
from schemas.names import TableName

_log = structlog.get_logger(__name__)
_LOOK_S = 1.0


class Followed(Protocol):
    """What is followed of schemas and tables (`consuming.followed_tables`)."""

    def refresh(self) -> None:
        """Read both to their end of now. Raises `TransientError`."""

    def poll(self) -> None:
        """Take what has arrived. Raises `TransientError`."""


class TableRefresh:
    """Looks once a second, and at once for what was missed for the first time. Used by one thread."""

    def __init__(self, tables: Followed, plans: FileColumns, tasks: ThreadTasks) -> None:
        self._tables = tables
        self._plans = plans
        self._tasks = tasks
        self._missed: frozenset[tuple[TableName, bytes]] = frozenset()
        self._reading: Future[bool] | None = None
        self._looked_at = float("-inf")

    def look(self, now: float) -> bool:
        """Begin to read, or take what was read; whether something was, so that blocked partitions may go on."""
        if self._reading is None and (now - self._looked_at >= _LOOK_S or self._plans.missed - self._missed):
            self._looked_at, self._missed = now, self._plans.missed
            self._reading = self._tasks.run(self._refresh if self._missed else self._poll)
        reading = self._reading
        if reading is None or not reading.done():
            return False
        self._reading = None
        if not reading.cancelled() and reading.exception() is None and reading.result():
            self._plans.refreshed(self._missed)
            return True
        return False

    def _refresh(self) -> bool:
        try:
            self._tables.refresh()
        except TransientError as exc:
            return _failed(exc)
        return True

    def _poll(self) -> bool:
        try:
            self._tables.poll()
        except TransientError as exc:
            return _failed(exc)
        return True


def _failed(problem: TransientError) -> bool:
    _log.warning("tables topic cannot be read", reason=str(problem))
    return False
