"""Edge: joins what a comparison of files needs, where there is something to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rowferry.http_client import HttpClient
from rowferry.reconcile.comparison import Rows
from rowferry.reconcile.files.comparison import FileComparison
from rowferry.reconcile.files.facts import FILE_FIELDS, ROW_FIELDS
from rowferry.reconcile.files.ledger import FileLedger
from rowferry.reconcile.files.report import FileReport
from rowferry.reconcile.files.results import Results
from rowferry.reconcile.index import Index
from rowferry.reconcile.report import NO_FILES, NotCompared
from rowferry.reconcile.shapes import Shape, for_files
from rowferry.settings import OperatorSettings


@dataclass(frozen=True, slots=True)
class FileSide:
    """Files of one pipeline. With `only_these` documents of other tables are left alone, else they are surplus."""

    settings: OperatorSettings
    client: HttpClient
    only_these: bool

    def compare(self, shapes: Sequence[Shape], rows: Rows) -> FileReport | NotCompared:
        """Compare the files of these tables; asks no one where no table has a column that refers to files.

        Raises as Kafka and the index do.
        """
        holding = for_files(shapes)
        if not holding:
            return NO_FILES
        results = Results(self.settings.kafka)
        if not results.exist():
            return NotCompared(f"there is no topic {results.topic}: no fetcher has run")
        tables = frozenset(shape.table.called for shape in holding) if self.only_these else None
        vespa = self.settings.vespa
        files = self._index(vespa.file_type, FILE_FIELDS)
        file_rows = self._index(vespa.file_row_type, ROW_FIELDS)
        with FileLedger() as ledger:
            return FileComparison(holding, rows, files, file_rows, tables).run(ledger, results.outcomes())

    def _index(self, document_type: str, fields: Sequence[str]) -> Index:
        return Index(self.client, namespace=self.settings.vespa.namespace, document_type=document_type, fields=fields)
