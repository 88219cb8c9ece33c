"""
What a record of `_tables`, `_files` and `_file_rows` asks for: a document written or deleted, or nothing.

Leaves to others: records of table topics (`consuming.row_changes`), making the document (when it is sent, since a
waiting record may be overtaken by a newer one), and everything about time and order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Nothing, RowChange, RowDelete, RowPut
from schemas.errors import RecordError
from schemas.file_results import FileResult, FileRow, Status
from schemas.keys import document_id
from schemas.names import TableName
from schemas.tables import TableEntry, table_entry
from vespa_sink.intake.topics import ListingTopic


@dataclass(frozen=True, slots=True)
class TablePut:
    """What is known of a table, or (`entry.deleted`) that it is gone."""

    record: Record
    entry: TableEntry

    @property
    def version(self) -> int:
        """The entry's version."""
        return self.entry.version

    @property
    def gone(self) -> bool:
        """Whether the document ends."""
        return self.entry.deleted


@dataclass(frozen=True, slots=True)
class FilePut:
    """What became of a file, or that nothing refers to it any more."""

    record: Record
    result: FileResult

    @property
    def version(self) -> int:
        """The result's version (rule F3)."""
        return self.result.version

    @property
    def gone(self) -> bool:
        """Whether the document ends."""
        return self.result.status is Status.GONE


@dataclass(frozen=True, slots=True)
class FileRowPut:
    """A row of a spreadsheet as it is now."""

    record: Record
    row: FileRow

    @property
    def version(self) -> int:
        """The version of the result that it belongs to."""
        return self.row.version

    @property
    def gone(self) -> bool:
        """Whether the document ends: a row that was accepted before may be rejected now."""
        return self.row.gone or bool(self.row.reason)


ListingPut = TablePut | FilePut | FileRowPut
Change = RowPut | RowDelete | ListingPut
AnyChange = RowChange | ListingPut


def listing_change(topic_type: ListingTopic, record: Record) -> ListingPut | Nothing:
    """What a record of one of the pipeline's own topics asks for. Raises `RecordError`."""
    if topic_type is ListingTopic.FOREIGN:
        return Nothing(record, "foreign topic")
    if topic_type is ListingTopic.TABLES:
        return _table_change(record)
    if record.value is None:
        raise RecordError("expected a result of the fetcher, got a record without a value, which it never writes")
    change: ListingPut
    if topic_type is ListingTopic.FILES:
        change = FilePut(record, FileResult.from_json(record.value))
        own_key = change.result.file_id
    else:
        change = FileRowPut(record, FileRow.from_json(record.value))
        own_key = change.row.row_id
    if record.key != own_key.encode("utf-8", "replace"):
        raise RecordError("expected the id in the result as the key of its record, got another key")
    return change


def record_user_id(table: TableName, key: bytes) -> str:
    """The part of a record's document id that we choose."""
    return document_id(_document_table(table), key)


def _table_change(record: Record) -> TablePut | Nothing:
    if record.value is None:
        return Nothing(record, "tombstone")
    return TablePut(record, table_entry(record.key or b"", record.value))


@lru_cache(maxsize=4096)
def _document_table(table: TableName) -> str:
    return table.document_table
