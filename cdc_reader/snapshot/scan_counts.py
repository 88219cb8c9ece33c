"""What scans have published and how far they are, as the metrics show it."""

from __future__ import annotations

from collections.abc import Iterable

from cdc_reader.snapshot.scan_states import Phase
from cdc_reader.snapshot.scans import Scan
from schemas.names import TableName


class ScanCounts:
    """Rows and chunks since they were taken last, and the state of each table's scan, by `str(TableName)`."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}
        self._states: dict[str, str] = {}

    def chunk(self, table: TableName, rows: int) -> None:
        """A chunk was published."""
        known_rows, known_chunks = self._counts.get(str(table), (0, 0))
        self._counts[str(table)] = (known_rows + rows, known_chunks + 1)

    def over(self, table: TableName, state: str) -> None:
        """A scan has ended so."""
        self._states[str(table)] = state

    def take(self) -> dict[str, tuple[int, int]]:
        """Rows and chunks published since the last call."""
        counts, self._counts = self._counts, {}
        return counts

    def states(self, scans: Iterable[Scan]) -> dict[str, str]:
        """Pending, running, held or done; `scans` are those that are not over."""
        for scan in scans:
            self._states[str(scan.table)] = "pending" if scan.phase is Phase.BEGIN else "running"
        return self._states
