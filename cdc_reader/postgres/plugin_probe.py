"""Edge: whether the server has an output plugin. No view tells, so a slot is made with it that lives for a moment."""

from __future__ import annotations

import psycopg
from psycopg import errors

from cdc_reader.postgres.connections import Connection

_WAIT = "SET statement_timeout = '1s'"  # a new slot waits for all open transactions; a missing plugin is told at once


def has_plugin(connection: Connection, plugin: str) -> bool:
    """False only where the server says that there is none; whatever else it says is met again by who makes the slot."""
    name = f"rowferry_asks_{connection.info.backend_pid}"
    try:
        connection.execute(_WAIT)
        connection.execute("SELECT pg_catalog.pg_create_logical_replication_slot(%s, %s, true)", (name, plugin))
        connection.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", (name,))
    except errors.UndefinedFile:
        return False
    except psycopg.errors.Error:
        return True
    finally:
        if not connection.closed:
            connection.execute("SET statement_timeout = 0")
    return True
