"""How each table of the catalog is captured, as far as a reader with our role could capture it (pure)."""

from __future__ import annotations

from dataclasses import replace

from cdc_reader.discovery.captures import NONE, REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import Catalog, SetAside, TableRow
from cdc_reader.discovery.forbidden_tables import why_forbidden, why_hidden, why_unreadable
from cdc_reader.discovery.selection import Selection
from cdc_reader.discovery.waiting_leaves import with_waiting_leaves
from schemas.tables import Capture


def judged(catalog: Catalog) -> Catalog:
    """The catalog with the tables set aside that our role may not read, or publish where there is a publication."""
    if catalog.publication is not None:
        catalog = with_waiting_leaves(catalog)
    tables = (replace(table, set_aside=_why_not(table, catalog)) for table in catalog.tables)
    return replace(catalog, tables=tuple(tables))


def capture_told(table: TableRow, selection: Selection) -> Capture:
    """How a table is captured, and why; one that is not selected is not."""
    if not selection.wants(table.name):
        return Capture(NONE, selection.why_not(table.name))
    return capture_of(table)


def _why_not(table: TableRow, catalog: Catalog) -> SetAside | None:
    mode, role = capture_of(table).mode, catalog.server.user
    if mode == NONE:
        return None
    if mode == REPLICATION:
        found = why_forbidden(table, role, catalog.publication)
        # Without a publication there is nothing to be owner of: whoever makes it will be.
        return found if found and found.remedy else None
    return why_unreadable(table, role, catalog.publication) or why_hidden(table, role)
