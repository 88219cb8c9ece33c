"""
Edge: the two sides of a comparison, by document id, in a temporary SQLite database on disk.

Memory does not grow with the number of rows: a row costs its id and 16 bytes on disk. The file has no name, so
nothing is left behind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Literal, Self

Side = Literal["wanted", "got"]
_BATCH = 5_000
_CACHE_KIB = 64 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One document on one side: the table it belongs to, its id, and the digest of what it says."""

    table: str
    doc_id: str
    digest: bytes


class Ledger:
    """Both sides of one comparison. To be used by one thread, and closed."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        for side in ("wanted", "got"):
            self._database.execute(
                f"CREATE TABLE {side} (id TEXT PRIMARY KEY, tab TEXT NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def add(self, side: Side, lines: Iterable[Line]) -> int:
        """Enter documents; returns how many were entered before under the same id (the last one stays)."""
        before = self._count(side)
        written = self._enter(
            f"INSERT OR REPLACE INTO {side} VALUES (?, ?, ?)",
            ((line.doc_id, line.table, line.digest) for line in lines),
        )
        return before + written - self._count(side)

    def counts(self, side: Side) -> dict[str, int]:
        """How many documents each table has on one side."""
        return dict(self._database.execute(f"SELECT tab, count(*) FROM {side} GROUP BY tab"))

    def missing(self) -> dict[str, int]:
        """How many wanted documents each table lacks."""
        return dict(self._database.execute(f"SELECT tab, count(*) FROM ({MISSING}) GROUP BY tab"))

    def surplus(self) -> dict[str, int]:
        """How many documents each table has that no one wants."""
        return dict(self._database.execute(f"SELECT tab, count(*) FROM ({SURPLUS}) GROUP BY tab"))

    def different(self) -> dict[str, int]:
        """How many documents of each table say something else than their row."""
        return dict(self._database.execute(f"SELECT tab, count(*) FROM ({DIFFERENT}) GROUP BY tab"))

    def some_missing(self, table: str, most: int) -> list[str]:
        """The ids of the first missing documents of a table."""
        return list(self._ids(MISSING, table, most))

    def some_surplus(self, table: str, most: int) -> list[str]:
        """The ids of the first surplus documents of a table."""
        return list(self._ids(SURPLUS, table, most))

    def some_different(self, table: str, most: int) -> list[str]:
        """The ids of the first documents of a table that differ from their rows."""
        return list(self._ids(DIFFERENT, table, most))

    def _ids(self, query: str, table: str, most: int) -> Iterator[str]:
        rows = self._database.execute(f"SELECT id FROM ({query}) WHERE tab = ? ORDER BY id LIMIT ?", (table, most))
        return (str(row[0]) for row in rows)

    def _enter(self, statement: str, lines: Iterable[Sequence[object]]) -> int:
        """Write lines, some thousand at a time; returns how many they were."""
        written = 0
        rest = iter(lines)
        while batch := list(islice(rest, _BATCH)):
            self._database.execute("BEGIN")
            self._database.executemany(statement, batch)
            self._database.execute("COMMIT")
            written += len(batch)
        return written

    def _count(self, table: str) -> int:
        return int(self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


MISSING = "SELECT w.tab, w.id FROM wanted w LEFT JOIN got g ON g.id = w.id WHERE g.id IS NULL"
SURPLUS = "SELECT g.tab, g.id FROM got g LEFT JOIN wanted w ON w.id = g.id WHERE w.id IS NULL"
DIFFERENT = "SELECT w.tab, w.id FROM wanted w JOIN got g ON g.id = w.id WHERE g.digest <> w.digest"
