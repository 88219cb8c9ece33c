"""The queries of `catalog`, for PostgreSQL 14 and later. OIDs come as bigint, so that they are plain integers."""

from __future__ import annotations

from typing import LiteralString

FIRST_WITH_ROW_FILTERS = 150000

SERVER: LiteralString = """
SELECT current_setting('server_version_num')::int AS version,
       current_database()::text AS database,
       (SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = current_database()) AS database_oid,
       current_user::text AS user_name,
       pg_is_in_recovery() AS in_recovery,
       current_setting('wal_level') AS wal_level, current_setting('server_encoding') AS encoding,
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
           AND has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') AS may_read_control_data
"""

CONTROL_DATA: LiteralString = """
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_id,
       (SELECT timeline_id::int FROM pg_catalog.pg_control_checkpoint()) AS timeline
"""

_RELATIONS: LiteralString = r"""
SELECT c.oid::int8 AS oid, n.nspname::text AS schema_name, c.relname::text AS name,
       c.relkind::text AS kind, c.relpersistence::text AS persistence, c.relreplident::text AS replica_identity,
       c.reltuples::int8 AS row_estimate, c.relispartition AS is_partition,
       c.relrowsecurity AS row_security, c.relforcerowsecurity AS row_security_forced,
       obj_description(c.oid, 'pg_class') AS description,
       has_schema_privilege(n.oid, 'USAGE') AS schema_open,
       pg_has_role(current_user, c.relowner, 'USAGE') AS owned,
       row_security_active(c.oid) AS rows_hidden, c.relfilenode::int8 AS file,
       ARRAY(SELECT i.inhparent::int8 FROM pg_catalog.pg_inherits i
             WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents,
       CASE WHEN c.relispartition THEN ARRAY(
           SELECT i.xmin::text FROM pg_catalog.pg_partition_ancestors(c.oid) a
           JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.relid ORDER BY i.inhrelid
       ) ELSE '{}' END AS attached
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
"""
# All relations that hold rows: partitions are found by their parents.
RELATIONS: LiteralString = _RELATIONS + "ORDER BY c.oid"
# Those of these names, and what are partitions below them. Without a lock, and without a look at any other.
NAMED_RELATIONS: LiteralString = (
    """
WITH RECURSIVE named AS (
    SELECT c.oid FROM unnest(%s::name[], %s::name[]) AS t(schema_name, table_name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema_name
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.table_name
    UNION
    SELECT p.oid FROM named
    JOIN pg_catalog.pg_inherits i ON i.inhparent = named.oid
    JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid AND p.relispartition
)
"""
    + _RELATIONS
    + "  AND c.oid IN (SELECT named.oid FROM named) ORDER BY c.oid"
)

# Without the relation `pg_get_expr` takes no lock on it, and a default needs none: it refers to no column (rule D8).
ATTRIBUTES: LiteralString = """
SELECT a.attrelid::int8 AS relation_oid, a.attnum::int AS number, a.attname::text AS name,
       a.atttypid::int8 AS type_oid, a.atttypmod AS typmod,
       format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS not_null, a.attisdropped AS dropped,
       a.attgenerated::text AS generated, a.attidentity::text AS identity,
       a.xmin::text AS xmin,
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, 0) END AS expression,
       col_description(a.attrelid, a.attnum) AS description,
       has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS readable
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0
ORDER BY a.attrelid, a.attnum
"""

# Those of columns, and those that they are over.
DOMAINS: LiteralString = """
WITH RECURSIVE used AS (
    SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT t.typbasetype FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid AND t.typtype = 'd'
)
SELECT t.oid::int8 AS oid, t.typbasetype::int8 AS base_oid, format_type(t.typbasetype, t.typtypmod) AS base_type
FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid AND t.typtype = 'd'
"""

# What the values of one type are made of: under a domain, in an array, a range, a composite.
_PARTS: LiteralString = """
    SELECT t.typbasetype AS part FROM pg_catalog.pg_type t WHERE t.oid = used.oid AND t.typtype = 'd'
    UNION ALL SELECT t.typelem FROM pg_catalog.pg_type t WHERE t.oid = used.oid AND t.typelem <> 0
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = used.oid
    UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = used.oid
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a
        ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped WHERE t.oid = used.oid AND t.typtype = 'c'
"""
# The types of columns and all that their values are made of. Base types are left out but for their OIDs in `parts`.
TYPES: LiteralString = (
    """
WITH RECURSIVE used AS (
    SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT below.part FROM used CROSS JOIN LATERAL ("""
    + _PARTS
    + """) AS below
)
SELECT t.oid::int8 AS oid,
       ARRAY(SELECT DISTINCT below.part::int8 FROM ("""
    + _PARTS
    + """) AS below) AS parts,
       CASE t.typtype
           WHEN 'e' THEN ARRAY(SELECT format('label %%s.%%s %%s', e.oid, e.xmin, e.enumlabel)
                               FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
           WHEN 'c' THEN ARRAY(SELECT format('row %%s %%s', t.oid, string_agg(
                                   format('%%s:%%s:%%s', a.attnum, a.atttypid, a.atttypmod), ',' ORDER BY a.attnum))
                               FROM pg_catalog.pg_attribute a
                               WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
           ELSE '{}'::text[] END AS marks
FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid
WHERE t.typtype <> 'b' OR t.typelem <> 0
ORDER BY t.oid
"""
)

KEY_INDEXES: LiteralString = """
SELECT i.indrelid::int8 AS relation_oid, i.indisprimary AS is_primary, i.indisreplident AS is_identity,
       i.indimmediate AS is_immediate, i.indisvalid AS is_valid,
       ARRAY(SELECT a.attname::text
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
             WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS columns
FROM pg_catalog.pg_index i
WHERE i.indrelid = ANY (%s::oid[]) AND (i.indisprimary OR i.indisreplident)
"""

# What a table without a primary key may be given for one, the smallest first. PostgreSQL makes a key from an index
# only where that is of its own kind and order, stands in no constraint, and is no partitioned table's.
UNIQUE_KEYS: LiteralString = """
SELECT DISTINCT ON (i.indrelid) i.indrelid::int8 AS relation_oid,
       CASE WHEN r.relkind = 'r' AND 0 = ALL (i.indoption::int2[])
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c
                                 WHERE c.conindid = i.indexrelid AND c.contype IN ('u', 'x'))
                 AND NOT EXISTS (SELECT FROM unnest(i.indclass::oid[]) AS k(oid)
                                 JOIN pg_catalog.pg_opclass o ON o.oid = k.oid WHERE NOT o.opcdefault)
            THEN x.relname::text END AS index_name,
       ARRAY(SELECT a.attname::text
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
             WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS columns
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
WHERE i.indrelid = ANY (%s::oid[]) AND i.indisunique AND i.indimmediate AND i.indisvalid AND x.relam = 403
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_index p WHERE p.indrelid = i.indrelid AND p.indisprimary)
      AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                      WHERE k.place <= i.indnkeyatts AND NOT a.attnotnull)
ORDER BY i.indrelid, i.indnkeyatts, index_name NULLS LAST, i.indexrelid
"""

PARTITION_KEYS: LiteralString = """
SELECT p.partrelid::int8 AS relation_oid,
       ARRAY(SELECT a.attname::text
             FROM unnest(p.partattrs::int2[]) WITH ORDINALITY AS k(number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.number
             ORDER BY k.place) AS columns
FROM pg_catalog.pg_partitioned_table p
WHERE p.partrelid = ANY (%s::oid[]) AND p.partexprs IS NULL
"""

# The operators of the class that the index of the primary key has (rule S8); those of the default class where it is no
# btree (keys WITHOUT OVERLAPS). Polymorphic classes take the column's own type: that of its domains. Materialized: the
# planner expects a row and repeated the whole for each operator (9 s for 1,000 tables, 0.02 s so).
_OPERATORS: LiteralString = """
WITH operators AS MATERIALIZED (
    SELECT m.amopfamily AS family, m.amoplefttype AS operand,
           max(format('%%I.%%s', n.nspname, o.oprname)) FILTER (WHERE m.amopstrategy = 1) AS less,
           max(format('%%I.%%s', n.nspname, o.oprname)) FILTER (WHERE m.amopstrategy = 3) AS equal,
           max(format('%%I.%%s', n.nspname, o.oprname)) FILTER (WHERE m.amopstrategy = 4) AS at_least,
           max(format('%%I.%%s', n.nspname, o.oprname)) FILTER (WHERE m.amopstrategy = 5) AS greater
    FROM pg_catalog.pg_amop m
    JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE m.amopmethod = 403 AND m.amoplefttype = m.amoprighttype
    GROUP BY m.amopfamily, m.amoplefttype
    HAVING count(*) FILTER (WHERE m.amopstrategy IN (1, 3, 4, 5)) = 4
)"""

# The class that ORDER BY takes for a type `b`.
_DEFAULT_CLASS: LiteralString = """(
               SELECT d.oid FROM pg_catalog.pg_opclass d
               WHERE d.opcmethod = 403 AND d.opcdefault AND d.opcintype IN (
                   b.oid,
                   CASE b.typtype WHEN 'e' THEN 'anyenum'::regtype WHEN 'r' THEN 'anyrange'::regtype
                                  WHEN 'm' THEN 'anymultirange'::regtype WHEN 'c' THEN 'record'::regtype END,
                   CASE WHEN b.typcategory = 'A' THEN 'anyarray'::regtype END,
                   CASE b.oid WHEN 'varchar'::regtype THEN 'text'::regtype
                              WHEN 'cidr'::regtype THEN 'inet'::regtype END)
               ORDER BY d.opcintype = b.oid DESC LIMIT 1)"""

# The type under all domains of the column `a`.
_UNDER_DOMAINS: LiteralString = """CROSS JOIN LATERAL (
        WITH RECURSIVE under AS (
            SELECT t.oid, t.typtype, t.typcategory, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
            UNION ALL
            SELECT t.oid, t.typtype, t.typcategory, t.typbasetype
            FROM under JOIN pg_catalog.pg_type t ON t.oid = under.typbasetype AND under.typtype = 'd')
        SELECT * FROM under WHERE typtype <> 'd') b"""

_ORDERS: LiteralString = """
SELECT keys.relation::int8 AS relation_oid, keys.attname::text AS name, format_type(keys.type_oid, -1) AS type,
       format_type(CASE WHEN operand.typtype = 'p' THEN keys.type_oid ELSE operand.oid END, -1) AS operand,
       (SELECT format('%%I.%%I', n.nspname, l.collname) FROM pg_catalog.pg_collation l
        JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = keys.attcollation) AS collation,
       o.less, o.equal, o.at_least, o.greater
FROM keys
JOIN pg_catalog.pg_opclass c ON c.oid = keys.class
JOIN pg_catalog.pg_type operand ON operand.oid = c.opcintype
JOIN operators o ON (o.family, o.operand) = (c.opcfamily, c.opcintype)
ORDER BY keys.relation, keys.place
"""

KEY_ORDERS: LiteralString = f"""{_OPERATORS}, keys AS MATERIALIZED (
    SELECT i.indrelid AS relation, k.place, a.attname, a.attcollation, b.oid AS type_oid,
           CASE WHEN x.relam = 403 THEN k.class ELSE {_DEFAULT_CLASS} END AS class
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) WITH ORDINALITY AS k(number, class, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    {_UNDER_DOMAINS}
    WHERE i.indrelid = ANY (%s::oid[]) AND i.indisprimary AND k.place <= i.indnkeyatts
){_ORDERS}"""

# The same for keys that the settings name, of what has none of its own: by the default class of each column's type.
NAMED_KEY_ORDERS: LiteralString = f"""{_OPERATORS}, keys AS MATERIALIZED (
    SELECT k.relation, k.place, a.attname, a.attcollation, b.oid AS type_oid, {_DEFAULT_CLASS} AS class
    FROM unnest(%s::oid[], %s::name[]) WITH ORDINALITY AS k(relation, name, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.relation AND a.attname = k.name AND NOT a.attisdropped
    {_UNDER_DOMAINS}
){_ORDERS}"""

# conparentid: a key of a partitioned table has a copy for each partition.
FOREIGN_KEYS: LiteralString = """
SELECT c.conname::text AS name, c.conrelid::int8 AS table_oid, c.confrelid::int8 AS target_oid,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
             ORDER BY k.place) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k(number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number
             ORDER BY k.place) AS target_columns
FROM pg_catalog.pg_constraint c
WHERE c.contype = 'f' AND c.conparentid = 0 AND c.conrelid = ANY (%s::oid[])
ORDER BY c.conrelid, c.conkey, c.conname
"""

# to_jsonb: `publish_generated_columns` exists from 18 on.
PUBLICATION: LiteralString = """
SELECT p.oid::int8 AS oid, p.xmin::text AS xmin, p.pubname::text AS name,
       pg_get_userbyid(p.pubowner)::text AS owner, p.puballtables AS all_tables,
       pg_has_role(current_user, p.pubowner, 'USAGE') AS owned,
       p.pubinsert AS insert, p.pubupdate AS update, p.pubdelete AS delete, p.pubtruncate AS truncate,
       p.pubviaroot AS via_root, coalesce(to_jsonb(p) ->> 'pubgencols', 'n') AS generated_columns
FROM pg_catalog.pg_publication p WHERE p.pubname = %s
"""

# Nothing here may wait for a table (rule D8). So the text of a row filter is not in this query: to print one, the
# server locks its table.
MEMBERS: LiteralString = """
SELECT r.oid::int8 AS oid, r.xmin::text AS xmin, r.prrelid::int8 AS relation_oid,
       n.nspname::text AS schema_name, c.relname::text AS name,
       r.prqual IS NOT NULL AS filtered,
       CASE WHEN r.prattrs IS NOT NULL THEN
           ARRAY(SELECT a.attname::text FROM unnest(r.prattrs::int2[]) WITH ORDINALITY AS k(number, place)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = k.number
                 ORDER BY k.place) END AS columns
FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.prpubid = %s ORDER BY r.oid
"""

# A row of FOR ALL TABLES EXCEPT says what is left out: it is no member.
FIRST_WITH_EXCEPT = 190000
MEMBERS_FROM_19: LiteralString = MEMBERS.replace("WHERE r.prpubid", "WHERE NOT r.prexcept AND r.prpubid")

ROW_FILTERS: LiteralString = """
SELECT r.oid::int8 AS oid, pg_get_expr(r.prqual, r.prrelid) AS row_filter
FROM pg_catalog.pg_publication_rel r WHERE r.oid = ANY (%s::oid[])
"""

MEMBERS_BEFORE_15: LiteralString = """
SELECT r.oid::int8 AS oid, r.xmin::text AS xmin, r.prrelid::int8 AS relation_oid,
       n.nspname::text AS schema_name, c.relname::text AS name,
       false AS filtered, NULL::text[] AS columns
FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.prpubid = %s ORDER BY r.oid
"""


def members(version: int) -> LiteralString:
    """The query for the members of a publication, by the server's version."""
    if version < FIRST_WITH_ROW_FILTERS:
        return MEMBERS_BEFORE_15
    return MEMBERS_FROM_19 if version >= FIRST_WITH_EXCEPT else MEMBERS


MEMBER_SCHEMAS: LiteralString = """
SELECT n.nspname::text AS name FROM pg_catalog.pg_publication_namespace s
JOIN pg_catalog.pg_namespace n ON n.oid = s.pnnspid
WHERE s.pnpubid = %s ORDER BY n.nspname
"""
