"""
What stands in for a publication where the plugin has none (pure): the tables that can be streamed, themselves.

wal2json sends every table by its name, and asks nobody. So a member is marked with its name beside its OID: a relation
that was called otherwise for a time (a partition, for a table is known by its name) was not followed meanwhile, which
is a gap of its table, as is one that left a publication (rule D2). What a table needs so that the application can go
on to write to it is not needed here (rule D5).

Keeps: D2, D5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from cdc_reader.discovery.captures import REPLICATION, capture_in_itself
from cdc_reader.discovery.catalog_rows import Catalog, PublicationMember, PublicationRow, RelationRow, TableRow

_MARK_LENGTH = 16


def with_all_published(catalog: Catalog, name: str) -> Catalog:
    """A catalog that was read without a publication, with the one that wal2json amounts to, called `name`."""
    tables = tuple(map(_nothing_unsent, catalog.tables))
    publication = PublicationRow(
        oid=0,
        xmin="0",
        name=name,
        owner=catalog.server.user,
        all_tables=False,
        insert=True,
        update=True,
        delete=True,
        truncate=True,
        via_root=False,
        members=tuple(_members(tables)),
    )
    return replace(catalog, tables=tables, publication=publication)


def _nothing_unsent(table: TableRow) -> TableRow:
    """No server refuses updates for what wal2json does not send."""
    leaves = tuple(replace(leaf, unsent_columns=()) for leaf in table.leaves)
    return replace(table, relation=replace(table.relation, unsent_columns=()), leaves=leaves)


def _members(tables: tuple[TableRow, ...]) -> Iterator[PublicationMember]:
    for table in tables:
        if capture_in_itself(table).mode == REPLICATION:
            for relation in table.published:
                yield PublicationMember(relation.oid, _name_mark(relation), relation.oid, relation.name)


def _name_mark(relation: RelationRow) -> str:
    return sha256(str(relation.name).encode(errors="replace")).hexdigest()[:_MARK_LENGTH]
