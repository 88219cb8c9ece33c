"""
Which columns and rows of a table the publication sends: a snapshot reads the same (rule S5).

Keeps: S5.
"""

from __future__ import annotations

from cdc_reader.discovery.catalog_rows import Catalog
from schemas.names import TableName


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
