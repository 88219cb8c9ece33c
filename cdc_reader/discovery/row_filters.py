"""
Row filters that could not be read, since somebody has locked their tables: what they were is what they are (pure).

A filter is printed with the names of columns, so that what is known counts as long as the table's definition, and the
row of the publication, are what they were. A table whose filter nobody knows is set aside (`forbidden_tables`).

Keeps: D8, S5.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from cdc_reader.discovery.catalog_rows import Catalog, PublicationMember, PublicationRow
from cdc_reader.discovery.fingerprints import fingerprint
from schemas.names import TableName
from schemas.offsets import PublicationMark
from schemas.tables import TableEntry

Filters = Mapping[tuple[int, str, int], str]
_COLUMNS = r'(?:\*|"(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*)'
_MARK = re.compile(rf"(\d+):(\d+):(\d+):{_COLUMNS}:(.+)", re.DOTALL)


def filters_of(publication: PublicationRow | None) -> Filters:
    """The row filters that were read with a catalog."""
    members = publication.members if publication else ()
    return {_row(member): member.row_filter for member in members if member.row_filter}


def stored_filters(mark: PublicationMark | None) -> Filters:
    """The row filters that are stored with the publication."""
    found = (_MARK.fullmatch(text) for text in (mark.members.values() if mark else ()))
    return {(int(each[1]), each[2], int(each[3])): each[4] for each in found if each}


def with_known_filters(catalog: Catalog, known: Filters, entries: Mapping[str, TableEntry]) -> Catalog:
    """The catalog with what is known for what could not be read, of tables that are what `entries` tell of them."""
    publication = catalog.publication
    if publication is None or not any(member.filter_unread for member in publication.members):
        return catalog
    same = _unchanged(catalog, entries)

    def filled(member: PublicationMember) -> PublicationMember:
        if not member.filter_unread or member.relation_oid not in same or _row(member) not in known:
            return member
        return replace(member, row_filter=known[_row(member)], filter_unread=False)

    return replace(catalog, publication=replace(publication, members=tuple(map(filled, publication.members))))


def _unchanged(catalog: Catalog, entries: Mapping[str, TableEntry]) -> Collection[int]:
    """The relations of the tables whose definition is that of their entry: one without the leaves that wait."""
    known: dict[TableName, TableEntry] = {entry.name: entry for entry in entries.values()}
    found: set[int] = set()
    for table in catalog.tables:
        if (entry := known.get(table.name)) is None:
            continue
        captured = replace(table, leaves=tuple(leaf for leaf in table.leaves if str(leaf.name) not in entry.waiting))
        if fingerprint(captured) == entry.fingerprint:
            found |= {relation.oid for relation in captured.relations}
    return found


def _row(member: PublicationMember) -> tuple[int, str, int]:
    return member.oid, member.xmin, member.relation_oid
