"""
Edge: when the workload's marker rows are in the index, as a client sees it: a document is asked for until it is there.

Markers are found in the database as soon as they are committed, and asked for in turns, the oldest first. A marker
that is looked at late counts as late, so the latency shown is never below the true one.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

import psycopg

from devstack.demo.index_client import IndexClient
from devstack.demo.kafka_markers import MARKER_ORIGIN, MARKER_TABLE
from devstack.demo.latency import pause_s
from devstack.errors import DevstackError

_NEWER = f"""
SELECT id::text, extract(epoch FROM written_at)::float8 FROM {MARKER_TABLE}
WHERE origin LIKE '{MARKER_ORIGIN}%%' AND written_at > to_timestamp(%s) - interval '1 second'
"""
_MISSES_IN_A_TURN = 3  # markers that may be asked for in vain in one turn: asking must not become a load
_LAST_WAIT_S = 30.0
_FIELDS = "procore_record:version"


class MarkersInIndex:
    """A context manager: `seconds` grows while it is entered. Its end waits for markers still on their way.

    `missing` counts those that were not there 30 s after the end.
    """

    def __init__(self, dsn: str, vespa_url: str) -> None:
        self.seconds: list[float] = []
        self.missing = 0
        self._dsn = dsn
        self._index = IndexClient(vespa_url)
        self._seen: set[str] = set()
        self._waiting: dict[str, float] = {}
        self._stop_by: float | None = None
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._observe, name="markers in the index", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_by = time.monotonic() + (_LAST_WAIT_S if error is None else 0.0)
        self._thread.join()
        self._index.close()
        self.missing = len(self._waiting)
        if self._failure is not None and error is None:
            raise DevstackError(f"expected to see markers in the index, got {self._failure}") from self._failure

    def _observe(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True, application_name="rowferry-demo") as connection:
                newest = time.time()
                while self._wanted():
                    newest = self._find(connection, newest)
                    self._ask()
                    time.sleep(pause_s(time.time() - min(self._waiting.values(), default=time.time())))
        except (psycopg.Error, DevstackError) as exc:
            self._failure = exc

    def _wanted(self) -> bool:
        """Until the end; then as long as markers are on their way, for a while."""
        return self._stop_by is None or (bool(self._waiting) and time.monotonic() < self._stop_by)

    def _find(self, connection: psycopg.Connection[Any], newest: float) -> float:
        """Take up the markers committed since; one may have been written before another that was visible earlier."""
        for key, written_at in connection.execute(_NEWER.encode(), [newest]):
            if key not in self._seen:
                self._seen.add(key)
                self._waiting[key] = written_at
                newest = max(newest, written_at)
        return newest

    def _ask(self) -> None:
        misses = 0
        for key in sorted(self._waiting, key=self._waiting.__getitem__):
            if self._index.document(f"{MARKER_TABLE}/{key}", _FIELDS) is not None:
                self.seconds.append(time.time() - self._waiting.pop(key))
            elif (misses := misses + 1) == _MISSES_IN_A_TURN:
                return
