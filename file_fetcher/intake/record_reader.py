"""
What a record of a table topic is to the fetcher: a row and its references, a floor, or nothing.

Keeps: P10, V2.
"""

from __future__ import annotations

from collections.abc import Callable

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Floor, Nothing, row_change
from file_fetcher.intake.file_columns import FileColumns
from file_fetcher.intake.rows import forgotten, row_of
from file_fetcher.work import Row
from schemas.envelope import Event
from schemas.keys import FLOOR_KEY
from schemas.names import TableName
from schemas.tables import FileColumn
from schemas.tombstones import peek_version
from schemas.wire import UnknownSchema, split


class RecordReader:
    """Reads records by what is known of their tables; never blocks. Used by one thread."""

    def __init__(self, plans: FileColumns, decode: Callable[[bytes], Event], project_columns: tuple[str, ...]) -> None:
        self._plans = plans
        self._decode = decode
        self._project_columns = project_columns

    def knows(self, table: TableName, record: Record) -> bool:
        """Whether the schema and the table of a record that could not be read are known by now."""
        return self._plans.known(table, split(record.value or b"")[0])

    def read(self, table: TableName, record: Record) -> Row | Floor | None:
        """
        The row or floor in a record; None when it changes nothing.

        Raises `UnknownSchema` (its schema or table is not known yet), `RecordError` (it can never be read).
        """
        columns: tuple[FileColumn, ...] = ()
        if record.value is not None:
            fingerprint, _ = split(record.value)
            known = self._plans.find(table, fingerprint)
            if known is None:
                raise UnknownSchema(fingerprint)
            columns = known
            if not columns and record.key != FLOOR_KEY:
                # Most tables: nothing of the row matters but that it may have held references once.
                return forgotten(table, record, peek_version(record.value))
        change = row_change(record, self._decode)
        if isinstance(change, Nothing):
            return None
        return change if isinstance(change, Floor) else row_of(table, change, columns, self._project_columns)
