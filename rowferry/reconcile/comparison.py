"""
The comparison itself: every row has one document, equal in every field, and there is no other document.

Takes two sides that it does not know (a snapshot of a database, and an index) and a ledger to lay them side by
side. The index has no snapshots: a row that is changed after the database's one may show as different, and the
comparison is made again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from rowferry.reconcile import facts
from rowferry.reconcile.difference import SAMPLES, Difference
from rowferry.reconcile.ledger import Ledger, Line
from rowferry.reconcile.report import Report, TableReport
from rowferry.reconcile.shapes import Shape


class Rows(Protocol):
    """The database's side."""

    def rows(self, shape: Shape) -> Iterator[dict[str, str]]:
        """Every row of a table."""

    def row(self, shape: Shape, key: Mapping[str, str]) -> dict[str, str] | None:
        """One row by its key."""


class Documents(Protocol):
    """The index's side."""

    def documents(self, tables: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every document, by its own id."""

    def document(self, doc_id: str) -> dict[str, Any] | None:
        """One document by its id."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared. With `only_these` the documents of other tables are left alone, else they are surplus."""

    shapes: Sequence[Shape]
    rows: Rows
    documents: Documents
    only_these: bool

    def run(self, ledger: Ledger) -> Report:
        """Compare; what the two sides raise goes through."""
        memories = self._enter_documents(ledger)
        twice = {}
        for shape in self.shapes:
            twice[shape.table.called] = ledger.add("wanted", self._wanted(shape))
        return Report(tuple(self._reports(ledger, twice)), memories=memories)

    def _enter_documents(self, ledger: Ledger) -> int:
        memories = 0

        def got() -> Iterator[Line]:
            nonlocal memories
            tables = [shape.table.called for shape in self.shapes] if self.only_these else None
            for doc_id, fields in self.documents.documents(tables):
                if facts.is_memory(fields):
                    memories += 1
                else:
                    yield Line(_table_of(doc_id), doc_id, facts.digest(facts.found(fields)))

        # Seen twice by the scan is not there twice: two documents never have one id.
        ledger.add("got", got())
        return memories

    def _wanted(self, shape: Shape) -> Iterator[Line]:
        for row in self.rows.rows(shape):
            says = facts.expected(shape, row)
            yield Line(shape.table.called, says["doc_id"], facts.digest(says))

    def _reports(self, ledger: Ledger, twice: Mapping[str, int]) -> Iterator[TableReport]:
        wanted, got = ledger.counts("wanted"), ledger.counts("got")
        missing, surplus, different = ledger.missing(), ledger.surplus(), ledger.different()
        shapes = {shape.table.called: shape for shape in self.shapes}
        for table in sorted(shapes.keys() | got.keys()):
            ids = ledger.some_different(table, SAMPLES) if table in different else []
            yield TableReport(
                table=table,
                # Rows that share one id are rows without a document of their own.
                rows=wanted.get(table, 0) + twice.get(table, 0),
                documents=got.get(table, 0),
                missing=missing.get(table, 0) + twice.get(table, 0),
                surplus=surplus.get(table, 0),
                different=different.get(table, 0),
                first_missing=tuple(ledger.some_missing(table, SAMPLES) if table in missing else ()),
                first_surplus=tuple(ledger.some_surplus(table, SAMPLES) if table in surplus else ()),
                first_different=tuple(self._difference(shapes[table], doc_id) for doc_id in ids),
            )

    def _difference(self, shape: Shape, doc_id: str) -> Difference:
        """Look at one pair again, whole, to name what differs; nothing when it has become equal meanwhile."""
        row = self.rows.row(shape, key_of(shape, doc_id))
        fields = self.documents.document(doc_id)
        if row is None or fields is None:
            return Difference(doc_id, ())
        names = facts.differences(facts.expected(shape, row), facts.found(fields))
        return Difference(doc_id, tuple(facts.said_omitted(names, fields)))


def _table_of(doc_id: str) -> str:
    """The table that an id names: keys hold no slash."""
    return doc_id.rpartition("/")[0]


def key_of(shape: Shape, doc_id: str) -> dict[str, str]:
    """The primary key that a record's id names: column -> PostgreSQL's text."""
    parts = doc_id.rpartition("/")[2].split(",")
    values = ("" if part == "%00" else unquote(part, errors="surrogateescape") for part in parts)
    return dict(zip(shape.table.key, values, strict=True))
