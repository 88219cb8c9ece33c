"""
Edge: asks PostgreSQL whether it is there, over a connection of its own, and has the slot looked at.

The question may wait for ever, for a server that stands still answers when it goes on; how long that was is judged
elsewhere (`cdc_runtime.neighbours`). A peer that is gone without a word ends the connection. The slot is looked at here
(`slot_watch`) since no session needs to run for it: its WAL is lost while Kafka is away, or another reader has it.

Keeps: P15.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from cdc_reader.postgres.connections import Connection, NoConnectionLeft, connect, translated
from schemas.errors import Unreachable


class SourceProbe:
    """For one thread. `database_url` is asked at each new connection; `look` is called after each answer."""

    def __init__(
        self, database_url: Callable[[], str | None], application_name: str, look: Callable[[Connection], None]
    ) -> None:
        self._database_url = database_url
        self._application_name = application_name
        self._look = look
        self._connection: Connection | None = None

    def __call__(self, timeout_s: float) -> None:
        """Returns when the server answers. Raises our errors."""
        try:
            if self._connection is None:
                self._connection = self._connect(timeout_s)
            with translated("ask PostgreSQL whether it is there"):
                self._connection.execute("SELECT 1")
            self._look(self._connection)
        except NoConnectionLeft:
            return
        except Unreachable:
            self._forget()
            raise

    def _connect(self, timeout_s: float) -> Connection:
        return connect(
            self._database_url() or "",
            application_name=self._application_name,
            timeout_s=math.ceil(timeout_s),
            lost_after_s=timeout_s,
        )

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
