"""
Leaves of a partitioned table that cannot be published now: they wait, and their root goes on with the others (pure).

Such a leaf is in no definition, no statement and no expected count of its table: what is read of the table are the
rows of leaves that are streamed (rule S5). A table none of whose leaves can be published is set aside as a whole.

Keeps: D3, D8, S5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cdc_reader.discovery.catalog_rows import (
    NO_UTF8,
    PARTITIONED_TABLE,
    Catalog,
    PublicationMember,
    PublicationRow,
    RelationRow,
    SetAside,
    TableRow,
    WaitingLeaf,
)
from cdc_reader.discovery.publication import quote_identifier, quote_table
from schemas.names import TableName


def with_waiting_leaves(catalog: Catalog, troubles: Mapping[TableName, SetAside] | None = None) -> Catalog:
    """The catalog with the leaves waiting that nobody may or can publish; `troubles` were met by their names."""
    met = troubles or {}
    members = {member.relation_oid: member for member in catalog.publication.members} if catalog.publication else {}

    def judged(table: TableRow) -> TableRow:
        if table.set_aside is not None or table.relation.kind != PARTITIONED_TABLE:
            return table
        found = {leaf.oid: met.get(leaf.name) or _why(table, leaf, catalog, members) for leaf in table.leaves}
        waiting = [WaitingLeaf(leaf, why) for leaf in table.leaves if (why := found[leaf.oid]) is not None]
        if not waiting:
            return table
        if len(waiting) == len(table.leaves):
            return replace(table, set_aside=next((each.why for each in waiting if each.relation.name in met), None))
        streamed = tuple(leaf for leaf in table.leaves if found[leaf.oid] is None)
        return replace(table, leaves=streamed, waiting=_sorted(*table.waiting, *waiting))

    return replace(catalog, tables=tuple(map(judged, catalog.tables)))


def without_waiting_leaves(table: TableRow) -> TableRow:
    """The table with all its leaves, as an administrator could publish it."""
    leaves = (*table.leaves, *(each.relation for each in table.waiting))
    return replace(table, leaves=tuple(sorted(leaves, key=lambda leaf: leaf.oid)), waiting=())


def unpublished_leaves(table: TableRow, publication: PublicationRow | None) -> tuple[RelationRow, ...]:
    """The leaves whose changes nobody is sent, by the publication alone; none where it holds no leaf of the table."""
    members = {member.relation_oid for member in publication.members} if publication else set()
    lacking = tuple(leaf for leaf in table.leaves if leaf.oid not in members)
    return () if table.oid in members or len(lacking) == len(table.leaves) else lacking


def _sorted(*waiting: WaitingLeaf) -> tuple[WaitingLeaf, ...]:
    return tuple(sorted(waiting, key=lambda each: each.relation.oid))


def _why(
    table: TableRow, leaf: RelationRow, catalog: Catalog, members: Mapping[int, PublicationMember]
) -> SetAside | None:
    """What keeps a leaf out of the publication; None when it is in it, also by its root, or can be added."""
    if leaf.oid in members or table.oid in members:
        return None
    if any(NO_UTF8 in name for name in (leaf.name.schema, leaf.name.name)):
        reason = f"the name of the partition, {str(leaf.name)!r}, is not UTF-8"
        return SetAside(reason, "rename it, in a session with client_encoding SQL_ASCII")
    publication = catalog.publication
    terms = next((members[each.oid] for each in table.leaves if each.oid in members), None)
    if leaf.owned and (publication is None or publication.owned) and not _limits(terms):
        return None
    if publication is None:
        # Told to nobody: the publication is made without it, and judged again, or the start ends with its SQL.
        return SetAside("only its owner may add the partition to the publication", "")
    remedy = "\n".join(_remedy(leaf, publication, terms, quote_identifier(catalog.server.user)))
    if leaf.owned and publication.owned:
        return SetAside("the other partitions are published with a row filter or a column list", remedy, sql=True)
    whose = "its owner" if publication.owned else "the owner of the publication and the partition"
    return SetAside(f"the partition is not in the publication, and only {whose} may add it", remedy, sql=True)


def _limits(terms: PublicationMember | None) -> bool:
    """Whether members are published on terms that one which is added by its name does not have (rule S5)."""
    return terms is not None and (terms.columns is not None or terms.row_filter is not None)


def _remedy(
    leaf: RelationRow, publication: PublicationRow, terms: PublicationMember | None, role: str
) -> Iterator[str]:
    """A partition that comes is read by itself, with rights of its own."""
    name = quote_table(leaf.name)
    if not leaf.schema_open:
        yield f"GRANT USAGE ON SCHEMA {quote_identifier(leaf.name.schema)} TO {role};"
    if not all(column.readable for column in leaf.columns):
        yield f"GRANT SELECT ON {name} TO {role};"
    columns, condition = "", ""
    if terms is not None and terms.columns is not None:
        columns = f" ({', '.join(map(quote_identifier, terms.columns))})"
    if terms is not None and terms.row_filter is not None:
        condition = f" WHERE ({terms.row_filter})"
    yield f"ALTER PUBLICATION {quote_identifier(publication.name)} ADD TABLE {name}{columns}{condition};"
