"""Edge: what types are made of, asked of the catalog: those of columns, and all that lie below them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

from cdc_reader.postgres.connections import Connection
from cdc_reader.transcode.type_shapes import TypeShape

_SHAPES: LiteralString = """
WITH RECURSIVE below AS (
    SELECT u.oid FROM unnest(%s::oid[]) AS u(oid)
    UNION
    SELECT p.part FROM below b CROSS JOIN LATERAL (
        SELECT t.typbasetype AS part FROM pg_catalog.pg_type t WHERE t.oid = b.oid AND t.typtype = 'd'
        UNION ALL SELECT t.typelem FROM pg_catalog.pg_type t WHERE t.oid = b.oid AND t.typelem <> 0
        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = b.oid
        UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = b.oid
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a
            ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped WHERE t.oid = b.oid AND t.typtype = 'c'
    ) p
)
SELECT t.oid::int8,
       CASE WHEN t.typtype = 'b' AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc THEN 'a'
            ELSE t.typtype::text END,
       CASE t.typtype
           WHEN 'd' THEN ARRAY[t.typbasetype::int8]
           WHEN 'r' THEN ARRAY(SELECT r.rngsubtype::int8 FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
           WHEN 'm' THEN ARRAY(SELECT r.rngtypid::int8 FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid)
           WHEN 'c' THEN ARRAY(SELECT a.atttypid::int8 FROM pg_catalog.pg_attribute a
                               WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                               ORDER BY a.attnum)
           ELSE CASE WHEN t.typelem <> 0 THEN ARRAY[t.typelem::int8] ELSE '{}'::int8[] END END,
       coalesce((SELECT e.extname::text || '.' || t.typname::text
                 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
                   AND d.refclassid = 'pg_catalog.pg_extension'::regclass), ''),
       t.typsend <> 0
FROM pg_catalog.pg_type t WHERE t.oid IN (SELECT below.oid FROM below)
ORDER BY t.oid
"""


def type_shapes(connection: Connection, types: Iterable[int]) -> tuple[TypeShape, ...]:
    """The shapes of types (OIDs) and of what their values are made of; a type that is gone has none."""
    rows = connection.execute(_SHAPES, (sorted(types),)).fetchall()
    return tuple(TypeShape(oid, kind, tuple(parts), extension, sent) for oid, kind, parts, extension, sent in rows)
