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
from schemas.names import TableName

TYPE_OIDS = {"smallint": 21, "integer": 23, "bigint": 20, "text": 25, "uuid": 2950, "money": 790, "jsonb": 3802}
SERVER = ServerRow(180004, "procore", 5, "rowferry", False, "logical", "7710590895706758353", 1)


def column(number: int, name: str, type_name: str, **more: Any) -> ColumnRow:
    oid = TYPE_OIDS[type_name]
    return ColumnRow(number, name, type_name, oid, oid, -1, not_null=False, **more)


def relation(oid: int, name: str, kinds: dict[str, str], *, key: str = "id", **more: Any) -> RelationRow:
    """A plain table of `public`; `key` lists its primary key by commas, '' for none."""
    rows = tuple(column(at, *pair) for at, pair in enumerate(kinds.items(), 1))
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
