"""Edge: the services start, and take up everything that is there: rows are published and indexed, files fetched."""

from __future__ import annotations

import time

from devstack.demo.account import Results
from devstack.demo.index_client import IndexClient
from devstack.demo.running import Running
from devstack.demo.sample_files import FILES, references
from devstack.demo.screen import Screen
from devstack.errors import DevstackError

_LOOK_S = 0.5  # the index counts its documents one by one
_NO_PROGRESS_S = 90.0
_RECORDS = "procore_record"
_BARS = ("rows published", "rows indexed", "files ended")


def take_up(running: Running, screen: Screen, results: Results) -> None:
    """Start the services; return when all rows are in the index, and what became of every reference to a file."""
    screen.stage(
        "snapshot",
        "cdc-reader, vespa-sink and file-fetcher start: every row is read, published and indexed, its files fetched",
    )
    assert results.loaded is not None
    polled = results.polled.rows if results.polled else 0
    rows, files = results.loaded.captured_rows + polled, sum(1 for _ in references(running.postgres.dsn))
    running.start_services()
    index = IndexClient(running.vespa.url)
    stuck = _Stuck()
    with screen.bars(dict(zip(_BARS, (rows, rows, files), strict=True))) as bars:
        indexed = ended = 0
        while indexed < rows or ended < files:
            running.require_alive()
            published = int(running.reader.metric("rowferry_snapshot_rows_total")) if indexed < rows else rows
            counts = index.counts()
            indexed, ended = counts.get(_RECORDS, 0), counts.get(FILES, 0)
            if indexed >= rows and not results.snapshot_s:
                results.snapshot_s = stuck.elapsed_s
            for name, done in zip(_BARS, (max(published, indexed), indexed, ended), strict=True):
                bars.update(name, done)
            stuck.look((published, indexed, ended), "rows to be published and indexed, and files to end", running)
            time.sleep(_LOOK_S)
    index.close()
    results.references, results.files_s = files, stuck.elapsed_s
    speed = f"{results.snapshot_rows_per_s:,.0f} a second, start included"
    screen.say(f"{rows:,} rows in {results.snapshot_s:.1f} s, {speed}")
    screen.say(f"{files:,} files in {results.files_s:.1f} s, {results.files_per_s:,.0f} a second, start included")


class _Stuck:
    """Raises DevstackError when what is looked at does not change for a long time."""

    def __init__(self) -> None:
        self._began = self._changed = time.monotonic()
        self._seen: object = None

    @property
    def elapsed_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def look(self, state: object, what: str, running: Running) -> None:
        """Compare with what was seen before."""
        now = time.monotonic()
        if state != self._seen:
            self._seen, self._changed = state, now
        elif now - self._changed > _NO_PROGRESS_S:
            raise DevstackError(
                f"expected {what}, nothing moved for {_NO_PROGRESS_S:g} s at {state}; {running.hints()}"
            )
