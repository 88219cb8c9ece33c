"""The catalog's tables as records of `_tables`; version, topic and partition count come from the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cdc_reader.discovery.captures import REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import Catalog, ColumnRow, TableRow
from cdc_reader.discovery.fingerprints import fingerprint
from cdc_reader.discovery.key_changes import key_kinds, key_numbers
from cdc_reader.discovery.relationships import relationships
from schemas.catalog_marks import catalog_mark
from schemas.file_references import file_column
from schemas.names import TableName
from schemas.tables import Column, FileColumn, TableEntry


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """Where a table's events go."""

    topic: str
    partitions: int
    generation: int = 1


def table_entries(
    catalog: Catalog,
    *,
    source: str,
    version: int,
    topic_of: Callable[[TableName], TopicPlan],
    left: Mapping[TableName, TableEntry] | None = None,
) -> list[TableEntry]:
    """The entries of all selected tables, also of those that are not captured.

    `version` is the reader's, the same for all; `schema_fingerprint` is left to the caller, who makes the schemas.
    `left` are the entries of tables that are captured no longer, and whose rows are in their topics: what explains
    these rows stays, and edges to them with it, but for how they are captured.
    """
    left = left or {}
    related = relationships(catalog)
    entries: list[TableEntry] = []
    for table in catalog.tables:
        plan = topic_of(table.name)
        columns = tuple(_column(table, column, at) for at, column in enumerate(table.relation.columns, 1))
        entries.append(
            TableEntry(
                version=version,
                source=source,
                database=catalog.server.database,
                schema=table.name.schema,
                table=table.name.name,
                oid=table.oid,
                topic=plan.topic,
                partitions=plan.partitions,
                generation=plan.generation,
                columns=columns,
                primary_key=table.relation.key_columns,
                capture=capture_of(table),
                description=table.relation.description,
                row_estimate=_row_estimate(table),
                replica_identity=table.relation.replica_identity,
                relationships=related[table.name],
                file_columns=tuple(_file_columns(table)),
                fingerprint=fingerprint(table),
                types=table.relation.types,
                key_kinds=key_kinds(table.relation),
                key_numbers=key_numbers(table.relation),
                waiting=_waiting(table),
            )
        )
    keys = {entry.name: left.get(entry.name, entry).primary_key for entry in entries}
    marked = (replace(entry, catalog_mark=catalog_mark(entry, keys.get)) for entry in entries)
    return [_left(left[entry.name], entry) if entry.name in left else entry for entry in marked]


def _left(known: TableEntry, entry: TableEntry) -> TableEntry:
    return replace(
        known,
        version=entry.version,
        source=entry.source,
        database=entry.database,
        capture=entry.capture,
        waiting=entry.waiting,
    )


def _waiting(table: TableRow) -> dict[str, str]:
    """The partitions that are not captured with the others, which are."""
    captured = capture_of(table).mode == REPLICATION
    return {str(each.relation.name): each.why.reason for each in table.waiting} if captured else {}


def _column(table: TableRow, column: ColumnRow, ordinal: int) -> Column:
    return Column(
        name=column.name,
        type=column.type,
        type_oid=column.type_oid,
        typmod=column.typmod,
        nullable=not column.not_null,
        ordinal=ordinal,
        primary_key=column.name in table.relation.key_columns,
        generated=bool(column.generated),
        default=column.default,
        description=column.description,
        base_type=column.base_type,
        base_type_oid=column.base_type_oid if column.base_type else None,
    )


def _file_columns(table: TableRow) -> Iterator[FileColumn]:
    for column in table.relation.columns:
        if (found := file_column(column.name, column.base_type or column.type)) is not None:
            yield found


def _row_estimate(table: TableRow) -> int:
    """The planner's estimate, never negative: -1 means that the table was never analyzed."""
    return sum(max(relation.row_estimate, 0) for relation in table.published)
