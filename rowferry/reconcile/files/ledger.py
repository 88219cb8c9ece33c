"""
Edge: references and documents of files in the ledger's temporary database, with what became of each.

Memory does not grow with the number of files: beside the two sides, a document, a result and a row of a spreadsheet
each cost a line on disk.
"""

from __future__ import annotations

from collections.abc import Iterable

from rowferry.reconcile.files.facts import Outcome
from rowferry.reconcile.ledger import DIFFERENT, MISSING, SURPLUS, Ledger, Line

_TABLES = """
DROP TABLE got;
CREATE TABLE told (
    id TEXT PRIMARY KEY, tab TEXT, digest BLOB, status TEXT, reason TEXT, version INTEGER
) WITHOUT ROWID;
CREATE VIEW got AS SELECT id, tab, digest FROM told;
CREATE TABLE results (id TEXT PRIMARY KEY, status TEXT, reason TEXT, version INTEGER, accepted INTEGER) WITHOUT ROWID;
CREATE TABLE row_documents (id TEXT PRIMARY KEY, file TEXT) WITHOUT ROWID;
"""
_TABLE = "substr(id, 1, instr(id, '/') - 1)"
# Of two results of a file the one with the greater version is true.
_RESULT = """
INSERT INTO results VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, reason = excluded.reason, version = excluded.version,
    accepted = excluded.accepted
WHERE excluded.version >= version
"""
# Documents that tell another result than the newest one (none: its topic was lost, and with it what became of it).
_OUTDATED = f"""
SELECT {_TABLE} AS tab, id FROM (
    SELECT t.id FROM told t JOIN wanted w ON w.id = t.id LEFT JOIN results r ON r.id = t.id
    WHERE (r.status, r.reason, r.version) IS NOT (t.status, t.reason, t.version))
"""
_WRONG_ROWS = f"""
SELECT {_TABLE} AS tab, id FROM (
    SELECT id, accepted AS accepted, 0 AS found FROM results WHERE accepted > 0
    UNION ALL SELECT file, 0, 1 FROM row_documents)
GROUP BY id HAVING sum(accepted) <> sum(found)
"""

_KINDS = {
    "missing": MISSING,
    "surplus": SURPLUS,
    "different": DIFFERENT,
    "outdated": _OUTDATED,
    "wrong_rows": _WRONG_ROWS,
}


class FileLedger(Ledger):
    """A ledger of files: what documents tell of them, their results, and the documents of spreadsheets' rows."""

    def __init__(self) -> None:
        super().__init__()
        self._database.executescript(_TABLES)

    def add_documents(self, documents: Iterable[tuple[Line, Outcome]]) -> None:
        """Enter documents of files, and what they tell became of them."""
        self._enter(
            "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?)",
            ((line.doc_id, line.table, line.digest, o.status, o.reason, o.version) for line, o in documents),
        )

    def add_results(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        """Enter results in any order; the one with the greatest version stays."""
        self._enter(
            _RESULT,
            ((file_id, each.status, each.reason, each.version, each.rows_accepted) for file_id, each in outcomes),
        )

    def add_rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Enter documents of spreadsheets' rows: their id, and the file that they belong to."""
        self._enter("INSERT OR REPLACE INTO row_documents VALUES (?, ?)", rows)

    def outcomes(self) -> dict[tuple[str, str], int]:
        """How many documents tell each status and reason."""
        query = "SELECT status, reason, count(*) FROM told GROUP BY status, reason ORDER BY status, reason"
        return {(status, reason): count for status, reason, count in self._database.execute(query)}

    def row_documents(self) -> int:
        """How many rows of spreadsheets have a document."""
        return self._count("row_documents")

    def unlike(self) -> dict[str, dict[str, int]]:
        """How many references or files of each table are not as they should be, by kind and table."""
        return {
            kind: dict(self._database.execute(f"SELECT tab, count(*) FROM ({query}) GROUP BY tab"))
            for kind, query in _KINDS.items()
        }

    def some(self, kind: str, table: str, most: int) -> list[str]:
        """The first of those of one kind and table."""
        return list(self._ids(_KINDS[kind], table, most))
