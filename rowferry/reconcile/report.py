"""What a comparison found, and how it is told (pure). Ids and column names are told, values never."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rowferry.reconcile.columns import lined_up
from rowferry.reconcile.difference import Difference, shown
from rowferry.reconcile.files.report import FileReport


@dataclass(frozen=True, slots=True)
class NotCompared:
    """Files were left out, and why; `quiet`: because there is nothing to compare, which needs no word."""

    reason: str
    quiet: bool = False


NO_FILES = NotCompared("no table that is compared has a column that refers to files", quiet=True)


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table: how many rows and documents, how many of them do not match, and the first of those."""

    table: str
    rows: int
    documents: int
    missing: int = 0
    surplus: int = 0
    different: int = 0
    first_missing: tuple[str, ...] = ()
    first_surplus: tuple[str, ...] = ()
    first_different: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every row has its document, equal in every field, and there is no other."""
        return not (self.missing or self.surplus or self.different)


@dataclass(frozen=True, slots=True)
class Report:
    """All tables; `not_captured` names selected tables that have no documents, with the reason.

    `memories` counts documents that are nothing but the memory of a deleted row.
    """

    tables: tuple[TableReport, ...]
    not_captured: tuple[tuple[str, str], ...] = ()
    memories: int = 0
    files: FileReport | NotCompared = NO_FILES

    @property
    def equal(self) -> bool:
        """Whether index and database are equal, in files too where they were compared."""
        return all(table.equal for table in self.tables) and (isinstance(self.files, NotCompared) or self.files.equal)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "equal": self.equal,
            "rows": sum(table.rows for table in self.tables),
            "documents": sum(table.documents for table in self.tables),
            "memories": self.memories,
            "tables": [{"equal": table.equal, **asdict(table)} for table in self.tables],
            "not_captured": [{"table": table, "reason": reason} for table, reason in self.not_captured],
            "files": {"compared": False, "reason": self.files.reason}
            if isinstance(self.files, NotCompared)
            else {"compared": True, **self.files.to_json()},
        }

    def to_text(self) -> str:
        """The report as a table for eyes, followed by the first ids that differ."""
        total = _Total(self.tables)
        text = lined_up([_HEAD, *(_cells(table) for table in self.tables), _cells(total.as_table())])
        text += (f"not captured: {table}: {reason}" for table, reason in self.not_captured)
        for table in self.tables:
            text += _samples(table)
        if isinstance(self.files, FileReport):
            text += self.files.to_lines()
        elif not self.files.quiet:
            text.append(f"files were not compared: {self.files.reason}")
        text.append("index and database are equal" if self.equal else "index and database differ")
        return "\n".join(text) + "\n"


_HEAD = ("table", "rows", "documents", "missing", "surplus", "different")


class _Total:
    """The sums over all tables."""

    def __init__(self, tables: Iterable[TableReport]) -> None:
        self._tables = tuple(tables)

    def as_table(self) -> TableReport:
        return TableReport(
            "total",
            *(
                sum(getattr(table, name) for table in self._tables)
                for name in ("rows", "documents", "missing", "surplus", "different")
            ),
        )


def _cells(table: TableReport) -> tuple[str, ...]:
    numbers = (table.rows, table.documents, table.missing, table.surplus, table.different)
    return (table.table, *(f"{number:,}" for number in numbers))


def _samples(table: TableReport) -> list[str]:
    lines = [f"missing: {shown(doc_id)}" for doc_id in table.first_missing]
    lines += (f"surplus: {shown(doc_id)}" for doc_id in table.first_surplus)
    lines += (
        f"different: {shown(item.doc_id)}: {', '.join(item.fields) or 'changed between the two reads'}"
        for item in table.first_different
    )
    return lines
