"""
Which columns and rows of a table the publication sends: a snapshot reads the same (rule S5).

Keeps: D5, S5.
"""

from __future__ import annotations

from collections.abc import Iterable

from cdc_reader.discovery.catalog_rows import Catalog, ColumnRow, PublicationRow
from schemas.names import TableName

_FIRST_THAT_REFUSES = 180000


def published_columns(catalog: Catalog, name: TableName) -> tuple[str, ...] | None:
    """The columns that the publication sends of a table; None: all but the generated ones."""
    publication = catalog.publication
    if publication is not None and publication.generated_columns == "s":
        everything = tuple(column.name for column in catalog.table(name).relation.columns if column.generated != "v")
    else:
        everything = None
    relations = {relation.oid for relation in catalog.table(name).published} | {catalog.table(name).oid}
    for member in publication.members if publication else ():
        if member.relation_oid in relations and member.columns is not None:
            return member.columns
    return everything


def row_filter(catalog: Catalog, name: TableName) -> str | None:
    """The publication's row filter of a table."""
    relations = {relation.oid for relation in catalog.table(name).published}
    for member in catalog.publication.members if catalog.publication else ():
        if member.relation_oid in relations and member.row_filter is not None:
            return member.row_filter
    return None


def unsent_columns(
    version: int, publication: PublicationRow | None, oid: int, columns: Iterable[ColumnRow]
) -> tuple[str, ...]:
    """
    The generated columns of a relation that the publication does not send, or will not when the relation is added.

    Empty before PostgreSQL 18: from then on the server refuses updates and deletes for one in the replica identity.
    """
    if version < _FIRST_THAT_REFUSES:
        return ()
    members = publication.members if publication else ()
    sent = {name for member in members if member.relation_oid == oid for name in member.columns or ()}
    stored_too = publication is not None and publication.generated_columns == "s"
    return tuple(
        column.name
        for column in columns
        if column.generated and column.name not in sent and not (stored_too and column.generated == "s")
    )
