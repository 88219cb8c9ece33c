"""
Edge: texts of a database that checks none (SQL_ASCII), as they are stored.

Such a database holds whatever bytes its clients sent. Asked for UTF-8, the server refuses a whole statement, or ends
the stream, for one value that is something else; so it is asked for nothing, and the transcoder finds out which
values are UTF-8 (rule P8). In what we read of the catalog, other bytes show as U+FFFD.

Keeps: P8.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader

_UNCHECKED = "SQL_ASCII"
_TEXTS = ("text", "varchar", "bpchar", "name", '"char"')


class _Shown(Loader):
    """Text, whatever bytes it is of."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


def texts_as_stored(connection: psycopg.Connection[Any], *, for_session: bool = False) -> None:
    """Have the server send texts as they are stored where it has checked none; else nothing changes.

    Until the open transaction ends, or for the session. A session can no longer be sent names that are not ASCII.
    """
    if connection.info.parameter_status("server_encoding") != _UNCHECKED:
        return
    for name in _TEXTS:
        connection.adapters.register_loader(name, _Shown)
    # Without parameters: a replication connection knows the simple protocol alone.
    statement = sql.SQL("SELECT set_config('client_encoding', {}, {})").format(_UNCHECKED, not for_session)
    connection.execute(statement, prepare=False)
