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
       current_setting('wal_level') AS wal_level,
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
           AND has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') AS may_read_control_data
"""

CONTROL_DATA: LiteralString = """
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_id,
       (SELECT timeline_id::int FROM pg_catalog.pg_control_checkpoint()) AS timeline
"""

# All relations that hold rows: the class rows are few, and partitions are found by their parents.
RELATIONS: LiteralString = r"""
SELECT c.oid::int8 AS oid, n.nspname::text AS schema_name, c.relname::text AS name,
       c.relkind::text AS kind, c.relpersistence::text AS persistence, c.relreplident::text AS replica_identity,
       c.reltuples::int8 AS row_estimate, c.relispartition AS is_partition,
       c.relrowsecurity AS row_security, c.relforcerowsecurity AS row_security_forced,
       obj_description(c.oid, 'pg_class') AS description,
       ARRAY(SELECT i.inhparent::int8 FROM pg_catalog.pg_inherits i
             WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
ORDER BY c.oid
"""

ATTRIBUTES: LiteralString = """
SELECT a.attrelid::int8 AS relation_oid, a.attnum::int AS number, a.attname::text AS name,
       a.atttypid::int8 AS type_oid, a.atttypmod AS typmod,
       format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS not_null, a.attisdropped AS dropped,
       a.attgenerated::text AS generated, a.attidentity::text AS identity,
       a.xmin::text AS xmin,
       pg_get_expr(d.adbin, d.adrelid) AS expression,
       col_description(a.attrelid, a.attnum) AS description
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0
ORDER BY a.attrelid, a.attnum
"""

DOMAINS: LiteralString = """
SELECT oid::int8 AS oid, typbasetype::int8 AS base_oid FROM pg_catalog.pg_type WHERE typtype = 'd'
"""

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

# The operators of the class that the index of the primary key has (rule S8); those of the default class where it is no
# btree (keys WITHOUT OVERLAPS). Polymorphic classes take the column's own type: that of its domains.
KEY_ORDERS: LiteralString = """
WITH operators AS (
    SELECT m.amopfamily AS family, m.amoplefttype AS operand, m.amopstrategy AS strategy,
           format('%%I.%%s', n.nspname, o.oprname) AS name
    FROM pg_catalog.pg_amop m
    JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE m.amopmethod = 403 AND m.amoplefttype = m.amoprighttype
)
SELECT i.indrelid::int8 AS relation_oid, a.attname::text AS name, format_type(b.oid, -1) AS type,
       format_type(CASE WHEN operand.typtype = 'p' THEN b.oid ELSE operand.oid END, -1) AS operand,
       (SELECT format('%%I.%%I', n.nspname, l.collname) FROM pg_catalog.pg_collation l
        JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) AS collation,
       less.name AS less, equal.name AS equal, at_least.name AS at_least, greater.name AS greater
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) WITH ORDINALITY AS k(number, class, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
CROSS JOIN LATERAL (
    WITH RECURSIVE under AS (
        SELECT t.oid, t.typtype, t.typcategory, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.oid, t.typtype, t.typcategory, t.typbasetype
        FROM under JOIN pg_catalog.pg_type t ON t.oid = under.typbasetype AND under.typtype = 'd')
    SELECT * FROM under WHERE typtype <> 'd') b
JOIN pg_catalog.pg_opclass c ON c.oid = CASE WHEN x.relam = 403 THEN k.class ELSE (
    SELECT d.oid FROM pg_catalog.pg_opclass d
    WHERE d.opcmethod = 403 AND d.opcdefault AND d.opcintype IN (
        b.oid,
        CASE b.typtype WHEN 'e' THEN 'anyenum'::regtype WHEN 'r' THEN 'anyrange'::regtype
                       WHEN 'm' THEN 'anymultirange'::regtype WHEN 'c' THEN 'record'::regtype END,
        CASE WHEN b.typcategory = 'A' THEN 'anyarray'::regtype END,
        CASE b.oid WHEN 'varchar'::regtype THEN 'text'::regtype WHEN 'cidr'::regtype THEN 'inet'::regtype END)
    ORDER BY d.opcintype = b.oid DESC LIMIT 1) END
JOIN pg_catalog.pg_type operand ON operand.oid = c.opcintype
JOIN operators less ON (less.family, less.operand, less.strategy) = (c.opcfamily, c.opcintype, 1)
JOIN operators equal ON (equal.family, equal.operand, equal.strategy) = (c.opcfamily, c.opcintype, 3)
JOIN operators at_least ON (at_least.family, at_least.operand, at_least.strategy) = (c.opcfamily, c.opcintype, 4)
JOIN operators greater ON (greater.family, greater.operand, greater.strategy) = (c.opcfamily, c.opcintype, 5)
WHERE i.indrelid = ANY (%s::oid[]) AND i.indisprimary AND k.place <= i.indnkeyatts
ORDER BY i.indrelid, k.place
"""

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
       p.pubinsert AS insert, p.pubupdate AS update, p.pubdelete AS delete, p.pubtruncate AS truncate,
       p.pubviaroot AS via_root, coalesce(to_jsonb(p) ->> 'pubgencols', 'n') AS generated_columns
FROM pg_catalog.pg_publication p WHERE p.pubname = %s
"""

MEMBERS: LiteralString = """
SELECT r.oid::int8 AS oid, r.xmin::text AS xmin, r.prrelid::int8 AS relation_oid,
       n.nspname::text AS schema_name, c.relname::text AS name,
       pg_get_expr(r.prqual, r.prrelid) AS row_filter,
       CASE WHEN r.prattrs IS NOT NULL THEN
           ARRAY(SELECT a.attname::text FROM unnest(r.prattrs::int2[]) WITH ORDINALITY AS k(number, place)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = k.number
                 ORDER BY k.place) END AS columns
FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.prpubid = %s ORDER BY r.oid
"""

MEMBERS_BEFORE_15: LiteralString = """
SELECT r.oid::int8 AS oid, r.xmin::text AS xmin, r.prrelid::int8 AS relation_oid,
       n.nspname::text AS schema_name, c.relname::text AS name,
       NULL::text AS row_filter, NULL::text[] AS columns
FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.prpubid = %s ORDER BY r.oid
"""

MEMBER_SCHEMAS: LiteralString = """
SELECT n.nspname::text AS name FROM pg_catalog.pg_publication_namespace s
JOIN pg_catalog.pg_namespace n ON n.oid = s.pnnspid
WHERE s.pnpubid = %s ORDER BY n.nspname
"""
