"""Edge: what the doctor needs to know of the database beside its catalog."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg.rows import namedtuple_row

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.requirements import Rights
from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.encodings import characters_as_stored, texts_as_stored
from cdc_reader.postgres.server import server_facts
from cdc_reader.postgres.wal_messages import forbidden_messages
from rowferry.doctor.facts import DatabaseFacts, Names

_ROLE: LiteralString = """
SELECT rolsuper AS superuser, rolreplication OR rolsuper AS replication,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       (SELECT pg_has_role(current_user, p.pubowner, 'USAGE') FROM pg_catalog.pg_publication p
        WHERE p.pubname = %s) AS owns_publication
FROM pg_catalog.pg_roles WHERE rolname = current_user
"""

_CLOSED_SCHEMAS: LiteralString = """
WITH RECURSIVE keys AS (
    SELECT a.atttypid AS type, c.opcfamily AS family, c.opcintype AS operand
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) AS k(number, class)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    JOIN pg_catalog.pg_opclass c ON c.oid = k.class
    WHERE i.indisprimary AND i.indrelid = ANY (%s::oid[])
), types AS (
    SELECT t.oid, t.typtype, t.typbasetype, t.typnamespace
    FROM pg_catalog.pg_type t JOIN keys ON t.oid IN (keys.type, keys.operand)
    UNION
    SELECT t.oid, t.typtype, t.typbasetype, t.typnamespace
    FROM types JOIN pg_catalog.pg_type t ON t.oid = types.typbasetype AND types.typtype = 'd'
), named AS (
    SELECT typnamespace AS schema FROM types WHERE typtype <> 'd'
    UNION
    SELECT o.oprnamespace FROM keys
    JOIN pg_catalog.pg_amop m ON m.amopfamily = keys.family AND m.amoplefttype = keys.operand
    JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
)
SELECT n.nspname::text AS name FROM named JOIN pg_catalog.pg_namespace n ON n.oid = named.schema
WHERE NOT has_schema_privilege(n.oid, 'USAGE') ORDER BY 1
"""


def read_database_facts(connection: Connection, catalog: Catalog, names: Names) -> DatabaseFacts:
    """Read the facts, for what `catalog` would have published. Raises as every query."""
    oids = [relation.oid for table in catalog.tables for relation in table.published]
    with translated("read rights"), connection.transaction():
        texts_as_stored(connection)
        role = _rows(connection, _ROLE, names.publication)[0]
        rights = Rights(
            replication=role.replication,
            may_create=role.may_create,
            owns_publication=role.owns_publication,
            forbidden_messages=forbidden_messages(connection),
            closed_schemas=tuple(row.name for row in _rows(connection, _CLOSED_SCHEMAS, oids)),
        )
    readable = characters_as_stored(connection) is not None
    return DatabaseFacts(server_facts(connection, names.slot), rights, readable)


def _rows(connection: Connection, query: LiteralString, *parameters: object) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()
