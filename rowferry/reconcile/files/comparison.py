"""
The comparison of files: each reference of each row has one document, and there is no other.

A document tells the newest result of its reference, and a spreadsheet has as many row documents as rows that were
accepted. Takes its sides (rows, index, results) without knowing them, and a ledger to lay them side by side. Only the
database has a snapshot: what goes on meanwhile may show as different, and the comparison is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rowferry.reconcile.comparison import Documents, Rows, key_of
from rowferry.reconcile.difference import SAMPLES, Difference
from rowferry.reconcile.facts import digest
from rowferry.reconcile.files import facts
from rowferry.reconcile.files.facts import Outcome
from rowferry.reconcile.files.ledger import FileLedger
from rowferry.reconcile.files.report import FileReport, FileTable
from rowferry.reconcile.ledger import Line
from rowferry.reconcile.shapes import Shape


@dataclass(frozen=True, slots=True)
class FileComparison:
    """
    What is compared: rows of tables with file columns, documents of files and of their rows, results.

    `tables`: the only tables whose documents count; None: all, and those of no row are surplus.
    """

    shapes: Sequence[Shape]
    rows: Rows
    files: Documents
    file_rows: Documents
    tables: frozenset[str] | None = None

    def run(self, ledger: FileLedger, results: Iterable[tuple[str, Outcome]]) -> FileReport:
        """Compare; what the sides raise goes through."""
        memories = self._enter_files(ledger)
        ledger.add_rows(self._row_documents())
        ledger.add_results((file_id, each) for file_id, each in results if self._counts(file_id))
        for shape in self.shapes:
            ledger.add("wanted", self._wanted(shape))
        return FileReport(
            tables=tuple(self._reports(ledger)),
            outcomes=ledger.outcomes(),
            row_documents=ledger.row_documents(),
            memories=memories,
        )

    def _counts(self, file_id: str) -> bool:
        return self.tables is None or facts.file_place(file_id)[0] in self.tables

    def _enter_files(self, ledger: FileLedger) -> int:
        """Enter the documents of files; returns how many are nothing but a memory."""
        memories = 0

        def documents() -> Iterator[tuple[Line, Outcome]]:
            nonlocal memories
            for file_id, fields in self.files.documents(self.tables):
                if facts.is_memory(fields):
                    memories += 1
                else:
                    line = Line(facts.file_place(file_id)[0], file_id, digest(facts.found(fields)))
                    yield line, facts.outcome(fields)

        ledger.add_documents(documents())
        return memories

    def _row_documents(self) -> Iterator[tuple[str, str]]:
        for row_id, fields in self.file_rows.documents(self.tables):
            if not facts.is_memory(fields):
                yield row_id, facts.file_of_row(row_id)

    def _wanted(self, shape: Shape) -> Iterator[Line]:
        for row in self.rows.rows(shape):
            for reference in facts.row_references(shape, row):
                yield Line(shape.table.called, reference.file_id, digest(facts.expected(shape, reference)))

    def _reports(self, ledger: FileLedger) -> Iterator[FileTable]:
        wanted, got, unlike = ledger.counts("wanted"), ledger.counts("got"), ledger.unlike()
        shapes = {shape.table.called: shape for shape in self.shapes}
        for table in sorted(shapes.keys() | got.keys() | unlike["wrong_rows"].keys()):
            counts = {kind: by_table[table] for kind, by_table in unlike.items() if table in by_table}
            first = {
                kind: tuple(self._told(kind, shapes.get(table), each) for each in ledger.some(kind, table, SAMPLES))
                for kind in counts
            }
            yield FileTable(table, wanted.get(table, 0), got.get(table, 0), counts, first)

    def _told(self, kind: str, shape: Shape | None, file_id: str) -> Difference:
        return self._difference(shape, file_id) if kind == "different" and shape else Difference(file_id, ())

    def _difference(self, shape: Shape, file_id: str) -> Difference:
        """Look at one reference again to name what differs; nothing when it has become equal meanwhile."""
        row = self.rows.row(shape, key_of(shape, facts.file_place(file_id)[1]))
        fields = self.files.document(file_id)
        for reference in facts.row_references(shape, row) if row else ():
            if reference.file_id == file_id and fields is not None:
                return Difference(
                    file_id, tuple(facts.differences(facts.expected(shape, reference), facts.found(fields)))
                )
        return Difference(file_id, ())
