"""Catalog rows for the tests of what discovery decides: a table is written in one line."""

from __future__ import annotations

from typing import Any

from cdc_reader.discovery.catalog_rows import (
    AttributeRow,
    Catalog,
    ColumnRow,
    ForeignKeyRow,
    KeyIndex,
    PublicationMember,
    PublicationRow,
    RelationRow,
    ServerRow,
    TableRow,
)
from cdc_reader.postgres.key_order import KeyColumn, Operators
from schemas.names import TableName

TYPE_OIDS = {
    "smallint": 21,
    "integer": 23,
    "bigint": 20,
    "text": 25,
    "uuid": 2950,
    "money": 790,
    "jsonb": 3802,
    "timestamptz": 1184,
}
SERVER = ServerRow(180004, "procore", 5, "rowferry", False, "logical", "7710590895706758353", 1)


def column(number: int, name: str, type_name: str, **more: Any) -> ColumnRow:
    oid = TYPE_OIDS[type_name]
    return ColumnRow(number, name, type_name, oid, oid, -1, not_null=False, **more)


def key_column(name: str, type_name: str, schema: str = "pg_catalog") -> KeyColumn:
    """A column of a primary key, ordered by the operators of a schema that are named as usual."""
    less, equal, at_least, greater = (f"{schema}.{sign}" for sign in ("<", "=", ">=", ">"))
    return KeyColumn(f'"{name}"', type_name, type_name, Operators(less, equal, at_least, greater))


def relation(oid: int, name: str, kinds: dict[str, str], *, key: str = "id", **more: Any) -> RelationRow:
    """A plain table of `public`; `key` lists its primary key by commas, '' for none."""
    rows = tuple(column(at, *pair) for at, pair in enumerate(kinds.items(), 1))
    keyed = more["primary_key"].columns if more.get("primary_key") else key.split(",") if key else ()
    fields: dict[str, Any] = {
        "kind": "r",
        "persistence": "p",
        "replica_identity": "d",
        "row_estimate": 10,
        "columns": rows,
        "attributes": tuple(
            AttributeRow(row.number, row.name, row.type_oid, -1, False, False, "", "700") for row in rows
        ),
        "primary_key": KeyIndex(tuple(key.split(","))) if key else None,
        "key_order": tuple(key_column(name, kinds.get(name, "bigint")) for name in keyed),
    }
    return RelationRow(oid, TableName("public", name), **{**fields, **more})


def table(oid: int, name: str, kinds: dict[str, str], **more: Any) -> TableRow:
    leaves = more.pop("leaves", ())
    return TableRow(relation(oid, name, kinds, **more), leaves)


def catalog(
    *tables: TableRow, keys: tuple[ForeignKeyRow, ...] = (), publication: PublicationRow | None = None
) -> Catalog:
    return Catalog(SERVER, tables, keys, publication)


def publication(*members: tuple[int, str], **more: Any) -> PublicationRow:
    """A publication named `rowferry` whose members are given by OID and name of the table."""
    fields: dict[str, Any] = {
        "oid": 900,
        "xmin": "750",
        "name": "rowferry",
        "owner": "postgres",
        "all_tables": False,
        "insert": True,
        "update": True,
        "delete": True,
        "truncate": True,
        "via_root": False,
        "members": tuple(
            PublicationMember(901 + at, "751", oid, TableName("public", name)) for at, (oid, name) in enumerate(members)
        ),
    }
    return PublicationRow(**{**fields, **more})
