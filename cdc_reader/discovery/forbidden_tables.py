"""
Which tables our role, or the publication, lets nobody capture as they should be: they are set aside (pure).

What the catalog shows is told here, and looked at again at every heartbeat: a right that is granted brings the table
back, and it is read anew (rule D8). What is only met when something is tried is in `tables.troubles`.

Keeps: D8, S5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cdc_reader.discovery.captures import POLLING, REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import (
    NO_UTF8,
    UTF8,
    Catalog,
    PublicationMember,
    PublicationRow,
    SetAside,
    TableRow,
)
from cdc_reader.discovery.publication import limits, quote_identifier, quote_table
from cdc_reader.discovery.waiting_leaves import with_waiting_leaves, without_waiting_leaves
from schemas.names import TableName


def with_forbidden(catalog: Catalog, troubles: Mapping[TableName, SetAside] | None = None) -> Catalog:
    """The catalog with the tables set aside that could be captured, and that we may not read or publish.

    Where it is but some leaves of a table, these wait, as those do whose `troubles` were met.
    """
    catalog, role = with_waiting_leaves(catalog, troubles), catalog.server.user

    def judged(table: TableRow) -> TableRow:
        mode = capture_of(table).mode
        if mode == POLLING:
            found = why_unpolled(table, role) or _limited(table, catalog.publication)
            return table if found is None else replace(table, set_aside=found)
        if mode != REPLICATION:
            return table
        found = why_forbidden(table, role, catalog.publication)
        if found is None and catalog.server.encoding != UTF8:
            found = _filtered_by_bytes(table, catalog.publication)
        return table if found is None else replace(table, set_aside=found)

    return replace(catalog, tables=tuple(map(judged, catalog.tables)))


def with_locked(catalog: Catalog) -> Catalog:
    """The catalog with the tables set aside of which a lock hides what is to be known, and no others."""

    def judged(table: TableRow) -> TableRow:
        found = _locked(table, catalog.publication)
        return table if found is None or table.set_aside else replace(table, set_aside=found)

    return replace(catalog, tables=tuple(map(judged, catalog.tables)))


def without_set_aside(catalog: Catalog) -> Catalog:
    """The catalog as an administrator sees it, whom nothing is forbidden."""
    whole = map(without_waiting_leaves, catalog.tables)
    return replace(catalog, tables=tuple(replace(table, set_aside=None) for table in whole))


def why_forbidden(table: TableRow, role: str, publication: PublicationRow | None) -> SetAside | None:
    """What forbids to capture a table, and how that ends; None when nothing does."""
    found = _uncarriable(table) or why_unreadable(table, role, publication) or why_hidden(table, role)
    found = found or _unpublished(table, publication) or _locked(table, publication)
    return found or _unlike_leaves(table, publication) or _published_without_key(table, publication)


def why_unpolled(table: TableRow, role: str) -> SetAside | None:
    """What forbids to poll a table; it need not be published."""
    return why_unreadable(table, role, None) or why_hidden(table, role) or _uncarriable(table)


def _limited(table: TableRow, publication: PublicationRow | None) -> SetAside | None:
    """Rule S5: a poll would read rows and columns that the publication keeps back."""
    own = {relation.oid for relation in table.relations}
    for member in publication.members if publication else ():
        if member.relation_oid in own and limits(member):
            assert publication is not None
            reason = "it is polled, and the publication limits what is sent of it (a row filter, or a column list)"
            change = (
                f"ALTER PUBLICATION {quote_identifier(publication.name)} DROP TABLE {quote_table(member.relation)};"
            )
            return SetAside(reason, change, sql=True)
    return None


def _uncarriable(table: TableRow) -> SetAside | None:
    """A name of bytes that are no characters, which can neither be told nor asked for."""
    for relation in table.relations:
        told = {"schema": relation.name.schema, "table": relation.name.name}
        told |= {f"column {column.number}": column.name for column in relation.columns}
        for what, name in told.items():
            if NO_UTF8 in name:
                reason = f"the name of {what} {name!r} is not UTF-8"
                return SetAside(reason, "rename it, in a session with client_encoding SQL_ASCII")
    return None


def why_unreadable(table: TableRow, role: str, publication: PublicationRow | None) -> SetAside | None:
    """Which right to read a table is lacking; a partitioned table is read through its root, with the rights on it."""
    relation, name, role = table.relation, quote_table(table.name), quote_identifier(role)
    if not relation.schema_open:
        remedy = f"GRANT USAGE ON SCHEMA {quote_identifier(relation.name.schema)} TO {role};"
        return SetAside(
            f"no right to use schema {relation.name.schema}",
            f"{remedy}\nGRANT SELECT ON {name} TO {role};",
            sql=True,
        )
    closed = [column.name for column in relation.columns if not column.readable]
    sent = [name for name in closed if name in set(_sent(table, publication))]
    if not sent:
        return None
    of = "" if len(closed) == len(relation.columns) else f" column {sent[0]!r} of"
    return SetAside(f"no right to SELECT{of} the table", f"GRANT SELECT ON {name} TO {role};", sql=True)


def _sent(table: TableRow, publication: PublicationRow | None) -> Iterator[str]:
    """The columns that a snapshot reads: those that the stream sends, of the leaves where there are some."""
    members = publication.members if publication else ()
    stored_too = publication is not None and publication.generated_columns == "s"
    oids = {table.oid, *(leaf.oid for leaf in table.leaves)}
    listed = next((each.columns for each in members if each.relation_oid in oids and each.columns is not None), None)
    for column in table.relation.columns:
        if listed is None:
            if not column.generated or (stored_too and column.generated == "s"):
                yield column.name
        elif column.name in listed:
            yield column.name


def why_hidden(table: TableRow, role: str) -> SetAside | None:
    """Whether rows are hidden from us (rule S5): by policies of the root, where the table is partitioned."""
    if not table.relation.rows_hidden:
        return None
    return SetAside(
        "row security hides rows of it from us", f"ALTER ROLE {quote_identifier(role)} BYPASSRLS;", sql=True
    )


def _unpublished(table: TableRow, publication: PublicationRow | None) -> SetAside | None:
    """Only the owner of a publication, and of the table, may add it; without a publication the start asks for one."""
    members = {member.relation_oid for member in publication.members} if publication else set()
    if table.oid in members:
        return None
    lacking = [relation for relation in table.published if relation.oid not in members]
    if publication is None:
        lacking = [relation for relation in lacking if not relation.owned]
        if lacking:
            # Told to nobody: the publication is made without it, and judged again, or the start ends with its SQL.
            return SetAside("only its owner may add it to the publication", "")
        return None
    if not lacking or (publication.owned and all(relation.owned for relation in lacking)):
        return None
    names = ", ".join(quote_table(relation.name) for relation in lacking)
    whose = "the owner of the table" if publication.owned else "the owner of the publication and the table"
    remedy = f"ALTER PUBLICATION {quote_identifier(publication.name)} ADD TABLE {names};"
    return SetAside(f"it is not in the publication, and only {whose} may add it", remedy, sql=True)


def _locked(table: TableRow, publication: PublicationRow | None) -> SetAside | None:
    """Rule S5: without its row filter nobody knows what is sent of a table."""
    own = {relation.oid for relation in table.relations}
    for member in publication.members if publication else ():
        if member.filter_unread and member.relation_oid in own:
            reason = (
                "somebody has locked it, so that its row filter in the publication cannot be read until the lock ends"
            )
            of = f"relation = {member.relation_oid} AND mode = 'AccessExclusiveLock' AND granted"
            return SetAside(reason, f"SELECT pid, pg_terminate_backend(pid) FROM pg_locks WHERE {of};", sql=True)
    return None


def _filtered_by_bytes(table: TableRow, publication: PublicationRow | None) -> SetAside | None:
    """Rule S5: a snapshot cannot ask for the rows of a filter that holds bytes which are no characters.

    Not of a UTF8 database, where U+FFFD stands for itself.
    """
    own = {relation.oid for relation in table.relations}
    for member in publication.members if publication else ():
        if member.relation_oid in own and NO_UTF8 in (member.row_filter or ""):
            assert publication is not None
            reason = (
                "its row filter in the publication holds bytes that are no characters, so that a snapshot would have "
                "other rows: once it is dropped from the publication, the reader adds it without a filter"
            )
            change = (
                f"ALTER PUBLICATION {quote_identifier(publication.name)} DROP TABLE {quote_table(member.relation)};"
            )
            return SetAside(reason, change, sql=True)
    return None


def _unlike_leaves(table: TableRow, publication: PublicationRow | None) -> SetAside | None:
    """Rule S5: a partitioned table is read as one, so that its leaves must be sent alike."""
    if publication is None or not table.leaves:
        return None
    own = {member.relation_oid: member for member in publication.members}
    sent = {_terms(own.get(leaf.oid) or own.get(table.oid)) for leaf in table.leaves}
    if len(sent) < 2:
        return None
    reason = (
        "its partitions are published with different row filters or column lists: once they are dropped from the "
        "publication, the reader adds them alike"
    )
    oids = {table.oid, *(leaf.oid for leaf in table.leaves)}
    names = ", ".join(sorted(quote_table(own[oid].relation) for oid in oids & own.keys()))
    return SetAside(reason, f"ALTER PUBLICATION {quote_identifier(publication.name)} DROP TABLE {names};", sql=True)


def _terms(member: PublicationMember | None) -> tuple[str, tuple[str, ...] | None]:
    """One that is no member yet is added without terms."""
    return ("", None) if member is None else (member.row_filter or "", member.columns and tuple(sorted(member.columns)))


def _published_without_key(table: TableRow, publication: PublicationRow | None) -> SetAside | None:
    """A column list that lacks the key: changes do not name their row, and the application's updates fail (D4, D5)."""
    published = {relation.oid for relation in table.published}
    for member in publication.members if publication else ():
        if member.relation_oid not in published or member.columns is None:
            continue
        if lacking := [name for name in table.relation.key_columns if name not in member.columns]:
            assert publication is not None
            change, name = f"ALTER PUBLICATION {quote_identifier(publication.name)}", quote_table(member.relation)
            reason = f"it is published without primary-key column {lacking[0]!r}"
            return SetAside(reason, f"{change} DROP TABLE {name};\n{change} ADD TABLE {name};", sql=True)
    return None
