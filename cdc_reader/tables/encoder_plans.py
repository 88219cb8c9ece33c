"""
From the definition of a table to the plan of its encoder.

The catalog (`TableEntry`) knows types by name and the primary key; the Relation message knows which columns the
stream sends and in which order. A message that the entry does not explain means that the catalog must be read again.

Keeps: D1.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_reader.pgoutput.messages import Relation
from cdc_reader.transcode.kinds import kind_of
from cdc_reader.transcode.known_types import BUILT_IN, KnownTypes
from cdc_reader.transcode.plan import ColumnPlan, TablePlan
from schemas.avro_types import ColumnType
from schemas.envelope import TableSchema, envelope_schema
from schemas.errors import RowferryError
from schemas.tables import Column, TableEntry
from schemas.wire import fingerprint


class StaleDefinition(RowferryError):
    """A Relation message and the catalog entry do not fit: the table changed after the entry was read."""


def table_schema(entry: TableEntry, *, prefix: str, published: Sequence[str] | None = None) -> TableSchema:
    """What the Avro schema of a table is made from.

    `published`: names of the columns that the publication sends; by default all but the generated ones. Raises
    `StaleDefinition` when one is not in the entry, or when a column of the primary key is not among them.
    """
    return TableSchema(
        prefix=prefix,
        schema=entry.schema,
        table=entry.table,
        columns=tuple(
            ColumnType(
                column.name, column.type, column.type_oid, kind_of(column.values_type_oid).name, column.base_type
            )
            for column in _published(entry, published)
        ),
        key=entry.primary_key,
        catalog_mark=entry.catalog_mark or "",
    )


def plan_table(
    entry: TableEntry,
    *,
    prefix: str,
    relation: Relation | None = None,
    published: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    types: KnownTypes = BUILT_IN,
) -> TablePlan:
    """The plan of a table: for the messages of `relation`, or for snapshots alone when there is none.

    The relation may be a partition of the entry's table; `order` is that of its columns in the catalog, `types` what
    that says of their types. Raises `StaleDefinition`.
    """
    if relation is not None:
        published = [column.name for column in relation.columns]
    columns = _published(entry, published)
    indexes = {column.name: index for index, column in enumerate(columns)}
    if relation is not None:
        _check_types(relation, entry)
        if order is not None:
            _check_order(relation, entry, order)
    avro_schema = envelope_schema(table_schema(entry, prefix=prefix, published=published))
    return TablePlan(
        relation_oid=None if relation is None else relation.oid,
        columns=tuple(ColumnPlan(column.name, types.kind_of(column.values_type_oid)) for column in columns),
        wire_order=tuple(indexes[name] for name in (published or indexes)),
        key=tuple(indexes[name] for name in entry.primary_key),
        database=entry.database,
        schema=entry.schema,
        table=entry.table,
        source=entry.source,
        avro_schema=avro_schema,
        fingerprint=fingerprint(avro_schema),
    )


def _published(entry: TableEntry, published: Sequence[str] | None) -> tuple[Column, ...]:
    """The columns that events carry, in the table's order."""
    by_name = {column.name: column for column in entry.columns}
    names = {column.name for column in entry.columns if not column.generated} if published is None else set(published)
    if unknown := sorted(names - by_name.keys()):
        raise StaleDefinition(f"expected columns of {entry.name} as in the catalog, got also {unknown!r}")
    if missing := [name for name in entry.primary_key if name not in names]:
        raise StaleDefinition(f"expected the primary key of {entry.name} to be published, {missing!r} is not")
    return tuple(sorted((by_name[name] for name in names), key=lambda column: column.ordinal))


def _check_types(relation: Relation, entry: TableEntry) -> None:
    known = {column.name: column.type_oid for column in entry.columns}
    for column in relation.columns:
        if known[column.name] != column.type_oid:
            raise StaleDefinition(
                f"expected column {column.name!r} of {entry.name} to have type {known[column.name]}, "
                f"got {column.type_oid}"
            )


def _check_order(relation: Relation, entry: TableEntry, order: Sequence[str]) -> None:
    """Columns never change places: where they seem to have done so, names were exchanged."""
    place = {name: at for at, name in enumerate(order)}
    places = [place.get(column.name, -1) for column in relation.columns]
    if places != sorted(places):
        raise StaleDefinition(f"expected the columns of {entry.name} in the order of the catalog, got another one")
