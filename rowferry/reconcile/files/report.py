"""What a comparison of files found, and how it is told (pure). Ids and names of fields are told, values never."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rowferry.reconcile.columns import lined_up
from rowferry.reconcile.difference import Difference, shown

# Kinds of what is not as it should be. `outdated`: the document tells another result than the newest in Kafka;
# `wrong_rows`: a spreadsheet with more or fewer row documents than rows that were accepted.
KINDS = ("missing", "surplus", "different", "outdated", "wrong_rows")
_HEAD = ("files of table", "references", "documents", *(kind.replace("_", " ") for kind in KINDS))


@dataclass(frozen=True, slots=True)
class FileTable:
    """One table: how many references and documents of files, and of each kind how many, and the first of them."""

    table: str
    references: int
    documents: int
    counts: Mapping[str, int] = field(default_factory=dict)
    first: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether every reference has its document, and there is no other."""
        return not any(self.counts.values())

    def to_json(self) -> dict[str, Any]:
        """The table as plain values."""
        values: dict[str, Any] = {
            "table": self.table,
            "equal": self.equal,
            "references": self.references,
            "documents": self.documents,
        }
        for kind in KINDS:
            values[kind] = self.counts.get(kind, 0)
            values[f"first_{kind}"] = [
                {"file_id": each.doc_id, "fields": list(each.fields)} if kind == "different" else each.doc_id
                for each in self.first.get(kind, ())
            ]
        return values


@dataclass(frozen=True, slots=True)
class FileReport:
    """
    All tables with references to files.

    `outcomes`: how many documents tell each status and reason. `row_documents`: those of rows of spreadsheets.
    `memories`: documents that are nothing but the memory of a file that is gone.
    """

    tables: tuple[FileTable, ...]
    outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    row_documents: int = 0
    memories: int = 0

    @property
    def equal(self) -> bool:
        """Whether every reference of every row is accounted for."""
        return all(table.equal for table in self.tables)

    @property
    def references(self) -> int:
        """How many references the rows have."""
        return sum(table.references for table in self.tables)

    @property
    def documents(self) -> int:
        """How many documents there are, one for each reference when all is well."""
        return sum(table.documents for table in self.tables)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "equal": self.equal,
            "references": self.references,
            "documents": self.documents,
            "row_documents": self.row_documents,
            "memories": self.memories,
            "outcomes": [
                {"status": status, "reason": reason, "documents": count}
                for (status, reason), count in sorted(self.outcomes.items())
            ],
            "tables": [table.to_json() for table in self.tables],
        }

    def to_lines(self) -> Iterator[str]:
        """The report for eyes: a table, what became of the references, the first ids that do not match."""
        if not self.tables:
            yield "files: no reference to any"
            return
        total = FileTable(
            "total",
            self.references,
            self.documents,
            {kind: sum(table.counts.get(kind, 0) for table in self.tables) for kind in KINDS},
        )
        yield from lined_up([_HEAD, *(_cells(table) for table in (*self.tables, total))])
        for (status, reason), count in sorted(self.outcomes.items()):
            yield f"{status or 'no status'}{f' ({reason})' if reason else ''}: {count:,}"
        yield f"rows of spreadsheets: {self.row_documents:,}"
        for table in self.tables:
            yield from _samples(table)


def _cells(table: FileTable) -> tuple[str, ...]:
    numbers = (table.references, table.documents, *(table.counts.get(kind, 0) for kind in KINDS))
    return (table.table, *(f"{number:,}" for number in numbers))


def _samples(table: FileTable) -> Iterator[str]:
    for kind in KINDS:
        for each in table.first.get(kind, ()):
            fields = f": {', '.join(each.fields)}" if each.fields else ""
            yield f"{kind.replace('_', ' ')}: {shown(each.doc_id)}{fields}"
