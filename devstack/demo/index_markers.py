"""
Edge: when the workload's marker rows are in the index, as a client sees it: a document is asked for until it is there.

One marker at a time, the newest that the database has, so a fraction of them is measured. The time that a marker
waits here for its predecessor counts, so the latency shown is never below the true one.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

import psycopg

from devstack.demo.index_client import IndexClient
from devstack.demo.kafka_markers import MARKER_ORIGIN, MARKER_TABLE
from devstack.errors import DevstackError

_NEWEST = f"""
SELECT id::text, extract(epoch FROM written_at)::float8 FROM {MARKER_TABLE}
WHERE origin LIKE '{MARKER_ORIGIN}%%' AND written_at > to_timestamp(%s) ORDER BY written_at DESC LIMIT 1
"""
_PAUSE_S = 0.002  # between two looks for one document: short against what is measured
_QUIET_PAUSE_S = 0.005
_NEVER_S = 30.0
_FIELDS = "procore_record:version"


class MarkersInIndex:
    """A context manager: `seconds` grows while it is entered; `late` counts documents that did not come in 30 s."""

    def __init__(self, dsn: str, vespa_url: str) -> None:
        self.seconds: list[float] = []
        self.late = 0
        self._dsn = dsn
        self._index = IndexClient(vespa_url)
        self._over = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._observe, name="markers in the index", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._index.close()
        if self._failure is not None and error is None:
            raise DevstackError(f"expected to see markers in the index, got {self._failure}") from self._failure

    def _observe(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True, application_name="rowferry-demo") as connection:
                last = time.time()
                while not self._over.is_set():
                    last = self._measure_newest(connection, last)
        except (psycopg.Error, DevstackError) as exc:
            self._failure = exc

    def _measure_newest(self, connection: psycopg.Connection[Any], last: float) -> float:
        found = connection.execute(_NEWEST.encode(), [last]).fetchone()
        if found is None:
            self._over.wait(_QUIET_PAUSE_S)
            return last
        key, written_at = found
        while self._index.document(f"{MARKER_TABLE}/{key}", _FIELDS) is None:
            if time.time() - written_at > _NEVER_S:
                self.late += 1
                return float(written_at)
            if self._over.is_set():
                return float(written_at)
            time.sleep(_PAUSE_S)
        self.seconds.append(time.time() - written_at)
        return float(written_at)
