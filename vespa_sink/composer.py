"""From what a record asks for to the operation that is sent: document ids, fields, conditions."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.envelope import MODE_STREAM
from schemas.errors import RecordError
from schemas.names import TableName
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.documents.record import RowIdentity
from vespa_sink.documents.schema import Pipeline, schema_fields
from vespa_sink.intake import RowDelete, RowPut, TablePut, record_user_id
from vespa_sink.operations import Limits, Operation, conditional_put, versioned_delete
from vespa_sink.plans import Plans

Change = RowPut | RowDelete | TablePut


@dataclass(frozen=True, slots=True)
class Names:
    """What documents are called, and which pipeline they belong to."""

    namespace: str
    record_type: str
    schema_type: str
    prefix: str


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

    def document(self, table: TableName | None, change: Change) -> DocumentId:
        """The document that a change concerns; `table` is that of the topic, None for `_tables`."""
        names = self._names
        if isinstance(change, TablePut):
            return DocumentId(names.namespace, names.schema_type, change.entry.name.document_table)
        assert table is not None
        return DocumentId(names.namespace, names.record_type, record_user_id(table, change.key))

    def compose(self, table: TableName | None, change: Change, now_ms: int) -> Composed:
        """The operation for a change, as of now. Raises `RecordError` when no document can be made of it."""
        document = self.document(table, change)
        if isinstance(change, RowPut):
            assert table is not None
            return self._put_row(table, document, change, now_ms)
        if isinstance(change, RowDelete) or change.entry.deleted:
            return Composed(versioned_delete(document, change.version, now_ms // 1000, self._limits))
        fields = schema_fields(change.entry, Pipeline(self._names.namespace, self._names.prefix), now_ms)
        return Composed(conditional_put(document, change.version, fields, self._limits))

    def _put_row(self, table: TableName, document: DocumentId, change: RowPut, now_ms: int) -> Composed:
        plan = self._plans.find(table, change.event, refreshed=True)
        if plan is None:
            raise RecordError(f"expected table {table} in the tables topic, found none")
        identity = RowIdentity(change.key, change.version, change.record.partition)
        fields, replaced = plan.fields(identity, change.event.after_text(), now_ms)
        return Composed(conditional_put(document, change.version, fields, self._limits), replaced)


def committed_at_s(change: Change) -> float | None:
    """When the source committed a streamed change, in seconds since the Unix epoch; None for all others."""
    event = change.event if isinstance(change, (RowPut, RowDelete)) else None
    if event is None or event.source.mode != MODE_STREAM:
        return None
    return event.source.ts_us / 1_000_000
