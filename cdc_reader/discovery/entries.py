"""The catalog's tables as records of `_tables`; version, topic and partition count come from the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cdc_reader.discovery.captures import capture_of
from cdc_reader.discovery.catalog_rows import Catalog, ColumnRow, TableRow
from cdc_reader.discovery.fingerprints import fingerprint
from cdc_reader.discovery.relationships import relationships
from schemas.file_references import file_column
from schemas.names import TableName
from schemas.tables import Column, FileColumn, TableEntry

# All integer widths are keyed alike, so widening a key is no change of its kind (rule D6).
_KEY_KINDS = {20: "integer", 21: "integer", 23: "integer", 25: "text", 1043: "text", 1042: "text"}


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """Where a table's events go."""

    topic: str
    partitions: int
    generation: int = 1


def table_entries(
    catalog: Catalog, *, source: str, version: int, topic_of: Callable[[TableName], TopicPlan]
) -> list[TableEntry]:
    """The entries of all selected tables, also of those that are not captured.

    `version` is the reader's, the same for all; `schema_fingerprint` is left to the caller, who makes the schemas.
    """
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
                key_kinds=tuple(_key_kind(table.relation.column(name)) for name in table.relation.key_columns),
            )
        )
    return entries


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
    )


def _file_columns(table: TableRow) -> Iterator[FileColumn]:
    for column in table.relation.columns:
        if (found := file_column(column.name, column.type)) is not None:
            yield found


def _key_kind(column: ColumnRow) -> str:
    return _KEY_KINDS.get(column.base_type_oid, column.type.partition("(")[0])


def _row_estimate(table: TableRow) -> int:
    """The planner's estimate, never negative: -1 means that the table was never analyzed."""
    return sum(max(relation.row_estimate, 0) for relation in table.published)
