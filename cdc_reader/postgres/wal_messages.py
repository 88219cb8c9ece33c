"""
Edge: transactional messages of ours in the write-ahead log: watermarks, markers, heartbeats (rules S3, S7, P3).

The stream delivers each at its place among the changes of the source.

Keeps: S3, P3.
"""

from __future__ import annotations

from cdc_reader.postgres.connections import Connection, translated

MESSAGE_PREFIX = "rowferry"


def emit_message(connection: Connection, content: str) -> None:
    """Write a transactional WAL message of ours: a watermark, a marker, a heartbeat. Works on read-only rights."""
    with translated("write a watermark with pg_logical_emit_message"):
        connection.execute("SELECT pg_catalog.pg_logical_emit_message(true, %s, %s)", (MESSAGE_PREFIX, content))
