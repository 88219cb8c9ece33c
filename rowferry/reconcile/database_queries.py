"""The catalog queries of the comparison, written independently of the reader's discovery."""

from __future__ import annotations

from typing import LiteralString

FIRST_WITH_COLUMN_LISTS = 150000

# `kinds`: names of the types under all domains; `types`: the same as `format_type` has them.
# `generated`: '' for an ordinary column, 's' stored, 'v' virtual.
TABLES: LiteralString = """
SELECT c.oid::int8 AS oid, n.nspname::text AS schema_name, c.relname::text AS name,
       array_agg(a.attname::text ORDER BY a.attnum) AS columns,
       array_agg((WITH RECURSIVE under AS (
                      SELECT t.typname, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
                      UNION ALL
                      SELECT t.typname, t.typtype, t.typbasetype
                      FROM under JOIN pg_catalog.pg_type t ON t.oid = under.typbasetype AND under.typtype = 'd')
                  SELECT typname::text FROM under WHERE typtype <> 'd') ORDER BY a.attnum) AS kinds,
       array_agg((WITH RECURSIVE under AS (
                      SELECT a.atttypid AS oid, a.atttypmod AS typmod
                      UNION ALL
                      SELECT t.typbasetype, t.typtypmod
                      FROM under JOIN pg_catalog.pg_type t ON t.oid = under.oid AND t.typtype = 'd')
                  SELECT pg_catalog.format_type(under.oid, under.typmod)
                  FROM under JOIN pg_catalog.pg_type t ON t.oid = under.oid AND t.typtype <> 'd')
                 ORDER BY a.attnum) AS types,
       array_agg(a.attgenerated::text ORDER BY a.attnum) AS generated,
       ARRAY(SELECT k.attname::text
             FROM pg_catalog.pg_constraint p, unnest(p.conkey) WITH ORDINALITY AS u(attnum, place)
             JOIN pg_catalog.pg_attribute k ON k.attrelid = c.oid AND k.attnum = u.attnum
             WHERE p.conrelid = c.oid AND p.contype = 'p' ORDER BY u.place) AS key
FROM unnest(%s::text[], %s::text[]) AS wanted(schema_name, name)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.oid, n.nspname, c.relname
ORDER BY n.nspname, c.relname
"""

# What is read for each table: itself, or every leaf under it. What is polled may be a view, or have foreign leaves.
READINGS: LiteralString = """
WITH RECURSIVE below(root_oid, oid) AS (
    SELECT oid, oid FROM pg_catalog.pg_class WHERE oid = ANY (%s::oid[])
    UNION ALL
    SELECT below.root_oid, i.inhrelid
    FROM below JOIN pg_catalog.pg_inherits i ON i.inhparent = below.oid
    JOIN pg_catalog.pg_class child ON child.oid = i.inhrelid AND child.relispartition
)
SELECT below.root_oid::int8 AS root_oid, c.oid::int8 AS oid, n.nspname::text AS schema_name, c.relname::text AS name,
       c.relkind <> 'v' AS has_tableoid
FROM below
JOIN pg_catalog.pg_class c ON c.oid = below.oid AND c.relkind IN ('r', 'v', 'm', 'f')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2
"""

FOREIGN_KEYS: LiteralString = """
SELECT c.conrelid::int8 AS oid, c.confrelid::int8 AS target_oid,
       array_agg(mine.attname::text ORDER BY u.place) AS columns,
       array_agg(theirs.attname::text ORDER BY u.place) AS target_columns
FROM pg_catalog.pg_constraint c
CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY AS u(mine, theirs, place)
JOIN pg_catalog.pg_attribute mine ON mine.attrelid = c.conrelid AND mine.attnum = u.mine
JOIN pg_catalog.pg_attribute theirs ON theirs.attrelid = c.confrelid AND theirs.attnum = u.theirs
WHERE c.contype = 'f' AND c.conparentid = 0 AND c.conrelid = ANY (%s::oid[])
GROUP BY c.oid, c.conrelid, c.confrelid
ORDER BY c.oid
"""

# What the publication leaves out of a table; there are no filters and column lists before PostgreSQL 15. The text of a
# filter is not in it: to print one, the server locks its table.
MEMBERS: LiteralString = """
SELECT m.prrelid::int8 AS oid, CASE WHEN m.prqual IS NOT NULL THEN m.oid::int8 END AS filtered_by,
       CASE WHEN m.prattrs IS NOT NULL THEN
           ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = m.prrelid AND a.attnum = ANY (m.prattrs::int2[])) END AS columns
FROM pg_catalog.pg_publication_rel m
JOIN pg_catalog.pg_publication p ON p.oid = m.prpubid
WHERE p.pubname = %s
"""

MEMBERS_BEFORE_15: LiteralString = """
SELECT m.prrelid::int8 AS oid, NULL::int8 AS filtered_by, NULL::text[] AS columns
FROM pg_catalog.pg_publication_rel m
JOIN pg_catalog.pg_publication p ON p.oid = m.prpubid
WHERE p.pubname = %s
"""

# A row of FOR ALL TABLES EXCEPT says what is left out: it is no member.
FIRST_WITH_EXCEPT = 190000
MEMBERS_FROM_19: LiteralString = MEMBERS.replace("WHERE p.pubname", "WHERE NOT m.prexcept AND p.pubname")


def members(version: int) -> LiteralString:
    """The query for the members of a publication, by the server's version."""
    if version < FIRST_WITH_COLUMN_LISTS:
        return MEMBERS_BEFORE_15
    return MEMBERS_FROM_19 if version >= FIRST_WITH_EXCEPT else MEMBERS


ROW_FILTER: LiteralString = """
SELECT pg_get_expr(m.prqual, m.prrelid) AS row_filter FROM pg_catalog.pg_publication_rel m WHERE m.oid = %s
"""

# From PostgreSQL 18 on a publication may carry stored generated columns.
CARRIES_GENERATED: LiteralString = """
SELECT 1 FROM pg_catalog.pg_publication p WHERE p.pubname = %s AND to_jsonb(p) ->> 'pubgencols' = 's'
"""
