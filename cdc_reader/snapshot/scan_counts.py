"""What scans have published and how far they are, as the metrics show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cdc_reader.snapshot.scan_states import Phase
from cdc_reader.snapshot.scans import Scan
from schemas.names import TableName


@dataclass(slots=True)
class Done:
    """Rows and chunks that were published, and chunks that were void."""

    rows: int = 0
    chunks: int = 0
    void: int = 0


class ScanCounts:
    """What was done since it was taken last, and the state of each table's scan, by `str(TableName)`."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Done] = defaultdict(Done)
        self._states: dict[str, str] = {}

    def chunk(self, table: TableName, rows: int) -> None:
        """A chunk was published."""
        done = self._counts[str(table)]
        done.rows += rows
        done.chunks += 1

    def void(self, table: TableName) -> None:
        """An open chunk no longer counts, and is read again (rule S2)."""
        self._counts[str(table)].void += 1

    def over(self, table: TableName, state: str) -> None:
        """A scan has ended so."""
        self._states[str(table)] = state

    def take(self) -> Mapping[str, Done]:
        """What was done since the last call."""
        counts, self._counts = self._counts, defaultdict(Done)
        return counts

    def states(self, scans: Iterable[Scan]) -> dict[str, str]:
        """Pending, running, waiting, held or done; `scans` are those that are not over."""
        for scan in scans:
            state = "waiting" if scan.trouble or scan.writers else "running"
            self._states[str(scan.table)] = "pending" if scan.phase is Phase.BEGIN else state
        return self._states
