"""
The rows of a spreadsheet as they are written (pure): those that were read, and those that are there no more.

Rule 1: rows that the new content does not have are written as gone, with the result's version.
Rule 2: a row that no record could hold is rejected: it could not be written at all, and would hold up everything.

Rows are made one after the other when they are asked for: all of a file together may be more than fits into memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from file_fetcher.settling.writes import Write
from file_fetcher.work import Got
from schemas.file_results import FileResult, FileRow
from schemas.file_state import HeldFile, RowRange
from schemas.topics import MAX_MESSAGE_BYTES

_LONGEST_ROW_BYTES = MAX_MESSAGE_BYTES - 1024 * 1024  # room for what Kafka adds
_TOO_LONG = "row_too_large"


class SpreadsheetRows:
    """Makes the writes of one record's files, for a partition of `_file_rows`."""

    def __init__(self, topic: str, partition: int, record_id: str) -> None:
        self._topic = topic
        self._partition = partition
        self._record_id = record_id

    def published(self, got: Got, result: FileResult, before: HeldFile) -> Iterator[Write]:
        """The rows that were read, in order, and what was between them before; raises what opening them raises."""
        sheet, number = "", 0
        for parsed in got.open_rows():
            if before.rows and parsed.sheet == sheet:
                for missing in in_closed_gap(before.rows, got.rows, (sheet, number, parsed.number)):
                    yield self._write(self._gone(before, sheet, missing, result.version))
            sheet, number = parsed.sheet, parsed.number
            row = FileRow(
                file_id=result.file_id,
                record_id=self._record_id,
                sheet=parsed.sheet,
                row_number=parsed.number,
                version=result.version,
                values=parsed.values,
                reason=parsed.reason,
                file_name=result.file_name,
                project_id=result.project_id,
            )
            write = self._write(row)
            fits = write.value is not None and len(write.value) <= _LONGEST_ROW_BYTES
            yield write if fits else self._write(replace(row, values={}, reason=_TOO_LONG))

    def ended(self, file: HeldFile, kept: tuple[RowRange, ...], version: int) -> Iterator[Write]:
        """The rows of the old content that the new one, which has those `kept`, does not have."""
        for sheet, number in surplus(file.rows, kept):
            yield self._write(self._gone(file, sheet, number, version))

    def _gone(self, file: HeldFile, sheet: str, number: int, version: int) -> FileRow:
        return FileRow(file.file_id, self._record_id, sheet, number, version, gone=True, file_name=file.file_name)

    def _write(self, row: FileRow) -> Write:
        return Write(self._topic, self._partition, row.row_id.encode(), row.to_json())


def surplus(old: Iterable[RowRange], new: Iterable[RowRange]) -> Iterator[tuple[str, int]]:
    """The rows (sheet and number) of the first that the second does not have."""
    kept: dict[str, list[range]] = {}
    for sheet, first, last in new:
        kept.setdefault(sheet, []).append(range(first, last + 1))
    for sheet, first, last in old:
        ranges = kept.get(sheet, [])
        yield from ((sheet, number) for number in range(first, last + 1) if not any(number in each for each in ranges))


def in_closed_gap(old: Iterable[RowRange], new: Iterable[RowRange], gap: RowRange) -> Iterator[int]:
    """
    The rows that the first had between two neighbours (sheet, number, number) of the second.

    None where the gap is one between runs: those are `surplus`. A run may have gaps that were closed.
    """
    sheet, above, below = gap
    if below > above + 1 and any(name == sheet and first <= above and below <= last for name, first, last in new):
        for name, first, last in old:
            if name == sheet:
                yield from range(max(first, above + 1), min(last, below - 1) + 1)
