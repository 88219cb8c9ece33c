"""Edge: rows of the captured tables beside their documents, counted now, each for itself."""

from __future__ import annotations

from collections import Counter

from psycopg import sql

from cdc_reader.discovery.captures import CAPTURED, REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.waiting_leaves import unpublished_leaves
from cdc_reader.postgres.connections import Connection, translated
from rowferry.reconcile.facts import is_memory
from rowferry.reconcile.index import Index
from rowferry.status.report import Count


def read_counts(connection: Connection, catalog: Catalog, index: Index) -> list[Count]:
    """Count all rows and all documents; a scan of both sides. Raises as every query and every visit.

    Rows of partitions that are not published are none of ours.
    """
    documents = Counter(doc_id.rpartition("/")[0] for doc_id, fields in index.documents() if not is_memory(fields))
    rows: dict[str, int] = {}
    for table in catalog.tables:
        mode = capture_of(table).mode
        if mode not in CAPTURED:
            continue
        name = sql.Identifier(table.name.schema, table.name.name)
        query, left_out = sql.SQL("SELECT count(*) FROM {}").format(name), []
        if mode == REPLICATION:
            query += sql.SQL(" WHERE tableoid <> ALL (%s::oid[])")
            left_out = [[leaf.oid for leaf in unpublished_leaves(table, catalog.publication)]]
        with translated("count rows"):
            rows[table.name.document_table] = (connection.execute(query, left_out).fetchone() or (0,))[0]
    return [Count(table, rows.get(table, 0), documents[table]) for table in sorted(rows.keys() | documents.keys())]
