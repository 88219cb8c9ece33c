"""
Edge: transactional messages of ours in the write-ahead log: watermarks, markers, heartbeats (rules S3, S7, P3).

The stream delivers each at its place among the changes of the source.

Keeps: S3, P3.
"""

from __future__ import annotations

from typing import LiteralString

from cdc_reader.postgres.connections import Connection, translated

MESSAGE_PREFIX = "rowferry"
_FORBIDDEN: LiteralString = """
SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p
WHERE p.proname = 'pg_logical_emit_message' AND p.pronamespace = 'pg_catalog'::regnamespace
  AND p.proargtypes[2] = 'text'::regtype AND NOT has_function_privilege(p.oid, 'EXECUTE')
"""


def forbidden_messages(connection: Connection) -> tuple[str, ...]:
    """The functions that our role may not execute, of those that write messages; none where it may."""
    with translated("read the right to write messages"):
        return tuple(str(row[0]) for row in connection.execute(_FORBIDDEN).fetchall())


def emit_message(connection: Connection, content: str) -> None:
    """Write a transactional WAL message of ours: a watermark, a marker, a heartbeat. Works on read-only rights."""
    with translated("write a message with pg_logical_emit_message"):
        connection.execute("SELECT pg_catalog.pg_logical_emit_message(true, %s, %s)", (MESSAGE_PREFIX, content))
