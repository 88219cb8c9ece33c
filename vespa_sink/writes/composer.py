"""
From what a record asks for to the operation that is sent: document ids, fields, conditions.

A row's document that cannot be written has a stand-in, which says in `omitted` what it lacks. It goes over everything
older than the row, with the version before the row's (V - 1), so the row itself, read again, still wins. That number is
no other state of this row: the reader hands out every version once, over all tables and for the boundaries of floors
too. And were a document of the row called V - 1, it would be older than the row, and the stand-in rightly over it. A
floor cannot end V - 1 and leave V: it would have to be V itself.

Keeps: P8, V3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cdc_runtime.consuming.row_changes import RowDelete, RowPut
from schemas.envelope import MODE_STREAM
from schemas.errors import RecordError
from schemas.names import TableName
from vespa_sink.documents.files import file_fields, file_row_fields
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.documents.plans import Plans
from vespa_sink.documents.record import RecordPlan, RowIdentity, lighter
from vespa_sink.documents.schema import Pipeline, schema_fields
from vespa_sink.intake.listing_changes import Change, FilePut, ListingPut, TablePut, record_user_id
from vespa_sink.intake.topics import TableTopic, TopicType
from vespa_sink.vespa.operations import Limits, Operation, conditional_put, versioned_delete


@dataclass(frozen=True, slots=True)
class Names:
    """What documents are called, and which pipeline they belong to."""

    namespace: str
    record_type: str
    schema_type: str
    file_type: str
    file_row_type: str
    prefix: str


class Extent(Enum):
    """How much of a row a document carries."""

    WHOLE = "whole"
    FITTING = "fitting"  # without its largest columns, where it is too large
    KEY = "key"  # nothing but the key


@dataclass(frozen=True, slots=True)
class Composed:
    """An operation, and how many code points of its document had to be replaced."""

    operation: Operation
    replaced: int = 0


class Composer:
    """Makes operations; the clock's milliseconds come from the caller."""

    def __init__(self, names: Names, plans: Plans, limits: Limits) -> None:
        self._names = names
        self._plans = plans
        self._limits = limits

    def document(self, topic_type: TopicType, change: Change) -> DocumentId:
        """The document that a change of a topic of this topic_type concerns."""
        names = self._names
        if isinstance(change, (RowPut, RowDelete)):
            assert isinstance(topic_type, TableTopic)
            return DocumentId(names.namespace, names.record_type, record_user_id(topic_type.table, change.key))
        if isinstance(change, TablePut):
            return DocumentId(names.namespace, names.schema_type, change.entry.name.document_table)
        if isinstance(change, FilePut):
            return DocumentId(names.namespace, names.file_type, change.result.file_id)
        return DocumentId(names.namespace, names.file_row_type, change.row.row_id)

    def compose(self, topic_type: TopicType, change: Change, now_ms: int, extent: Extent = Extent.WHOLE) -> Composed:
        """
        The operation for a change, as of now; with less than a row's whole extent, for what stands in for it.

        Raises `RecordError` when no document can be made of it.
        """
        document = self.document(topic_type, change)
        if extent is not Extent.WHOLE:
            assert isinstance(change, RowPut)
            return self._stand_in(topic_type, change, now_ms, extent)
        if isinstance(change, RowDelete) or (not isinstance(change, RowPut) and change.gone):
            return Composed(versioned_delete(document, change.version, now_ms // 1000, self._limits))
        fields, replaced = self._fields(topic_type, change, now_ms)
        return Composed(conditional_put(document, change.version, fields, self._limits), replaced)

    def _fields(self, topic_type: TopicType, change: RowPut | ListingPut, now_ms: int) -> tuple[dict[str, Any], int]:
        names = self._names
        if isinstance(change, RowPut):
            assert isinstance(topic_type, TableTopic)
            return self._row(topic_type.table, change, now_ms)
        if isinstance(change, TablePut):
            return schema_fields(change.entry, Pipeline(names.namespace, names.prefix), now_ms), 0
        if isinstance(change, FilePut):
            return file_fields(change.result, names.namespace)
        return file_row_fields(change.row, names.namespace, self._plans.max_text_bytes)

    def _row(self, table: TableName, change: RowPut, now_ms: int) -> tuple[dict[str, Any], int]:
        identity = RowIdentity(change.key, change.version, change.record.partition)
        return self._plan(table, change).fields(identity, change.event.after_text(), now_ms, _omitted(change))

    def _plan(self, table: TableName, change: RowPut) -> RecordPlan:
        plan = self._plans.find(table, change.event, refreshed=True)
        if plan is None:
            raise RecordError(f"expected table {table} in the tables topic, found none")
        return plan

    def _stand_in(self, topic_type: TopicType, change: RowPut, now_ms: int, extent: Extent) -> Composed:
        assert isinstance(topic_type, TableTopic)
        plan, row = self._plan(topic_type.table, change), change.event.after_text()
        document = self.document(topic_type, change)
        identity = RowIdentity(change.key, change.version - 1, change.record.partition)
        error: RecordError | None = None
        for rest in _rests(row, plan.key, extent):
            fields, replaced = plan.fields(identity, rest, now_ms, _omitted(change) | (row.keys() - rest.keys()))
            try:
                return Composed(conditional_put(document, change.version, fields, self._limits), replaced)
            except RecordError as exc:
                error = exc
        assert error is not None
        raise error


def _omitted(change: RowPut) -> set[str]:
    return {each.column for each in change.event.omitted}


def _rests(row: Mapping[str, str], key: tuple[str, ...], extent: Extent) -> Iterator[Mapping[str, str]]:
    """What a stand-in may carry of a row, the most first."""
    if extent is Extent.FITTING:
        yield from lighter(row, key)
    else:
        yield {name: row[name] for name in key if name in row}


def committed_at_s(change: Change) -> float | None:
    """When the source committed a streamed change of a row, in seconds since the Unix epoch; None for all others."""
    event = change.event if isinstance(change, (RowPut, RowDelete)) else None
    if event is None or event.source.mode != MODE_STREAM:
        return None
    return event.source.ts_us / 1_000_000
