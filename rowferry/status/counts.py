"""Edge: rows of the captured tables beside their documents, counted now, each for itself."""

from __future__ import annotations

from collections import Counter

from psycopg import sql

from cdc_reader.discovery.captures import REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.postgres.connections import Connection, translated
from rowferry.reconcile.facts import is_memory
from rowferry.reconcile.index import Index
from rowferry.status.report import Count


def read_counts(connection: Connection, catalog: Catalog, index: Index) -> list[Count]:
    """Count all rows and all documents; a scan of both sides. Raises as every query and every visit."""
    documents = Counter(doc_id.rpartition("/")[0] for doc_id, fields in index.documents() if not is_memory(fields))
    rows: dict[str, int] = {}
    for table in catalog.tables:
        if capture_of(table).mode == REPLICATION:
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table.name.schema, table.name.name))
            with translated("count rows"):
                rows[table.name.document_table] = (connection.execute(query).fetchone() or (0,))[0]
    return [Count(table, rows.get(table, 0), documents[table]) for table in sorted(rows.keys() | documents.keys())]
