"""
Reads a record, with what is known of schemas and tables, into what it asks for.

Rule: a record whose schema or table is not known yet is not an error of its own: it is read again once `_schemas` and
`_tables` were read to their end.

Keeps: P10.
"""

from __future__ import annotations

from collections.abc import Callable

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import RowPut, row_change
from schemas.envelope import Event
from schemas.errors import RowferryError
from schemas.names import TableName
from vespa_sink.documents.plans import Plans
from vespa_sink.intake.listing_changes import AnyChange, TablePut, listing_change
from vespa_sink.intake.topics import TableTopic, TopicType


class UnknownTable(RowferryError):
    """The tables topic says nothing of a table yet, or something older than the record."""

    def __init__(self, table: TableName) -> None:
        super().__init__(f"expected table {table} in the tables topic, found an older entry or none")


class RecordReader:
    """`decode` returns an event, and raises `UnknownSchema`, `RecordError`."""

    def __init__(self, decode: Callable[[bytes], Event], plans: Plans) -> None:
        self._decode = decode
        self._plans = plans

    def read(self, topic_type: TopicType, record: Record, *, refreshed: bool = False) -> AnyChange:
        """
        What a record asks for; `refreshed`: `_tables` was read to its end since the record came.

        Raises `UnknownSchema`, `UnknownTable` (not known yet), `RecordError` (it can never be read).
        """
        if isinstance(topic_type, TableTopic):
            change = row_change(record, self._decode)
            table = topic_type.table
            if isinstance(change, RowPut) and self._plans.find(table, change.event, refreshed=refreshed) is None:
                raise UnknownTable(table)
            return change
        entry = listing_change(topic_type, record)
        if isinstance(entry, TablePut):
            self._plans.forget()
        return entry
