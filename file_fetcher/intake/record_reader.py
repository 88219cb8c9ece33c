"""
What a record of a table topic is to the fetcher: a row and its references, a floor, or nothing.

Keeps: P10, V2.
"""

from __future__ import annotations

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Floor, Nothing, row_change
from file_fetcher.intake.followed_tables import FollowedTables
from file_fetcher.intake.rows import forgotten, row_of
from file_fetcher.work import Row
from schemas.keys import FLOOR_KEY
from schemas.names import TableName
from schemas.tables import FileColumn
from schemas.tombstones import peek_version
from schemas.wire import UnknownSchema, split


class RecordReader:
    """Reads records by what is followed. Used by one thread."""

    def __init__(self, following: FollowedTables, project_columns: tuple[str, ...]) -> None:
        self._following = following
        self._project_columns = project_columns

    def read(self, table: TableName, record: Record) -> Row | Floor | None:
        """
        The row or floor in a record; None when it changes nothing.

        Raises `UnknownSchema` (its schema or table is not known yet), `RecordError` (it can never be read),
        `TransientError`.
        """
        columns: tuple[FileColumn, ...] = ()
        if record.value is not None:
            fingerprint, _ = split(record.value)
            known = self._following.columns(table, fingerprint)
            if known is None:
                raise UnknownSchema(fingerprint)
            columns = known
            if not columns and record.key != FLOOR_KEY:
                # Most tables: nothing of the row matters but that it may have held references once.
                return forgotten(table, record, peek_version(record.value))
        change = row_change(record, self._following.decode)
        if isinstance(change, Nothing):
            return None
        return change if isinstance(change, Floor) else row_of(table, change, columns, self._project_columns)
