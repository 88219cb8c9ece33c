"""
The replication connection: bytes of the slot in, status updates out.

Rule 1: status updates have their own clock (a thread), which a blocked Kafka cannot stop: a walsender cuts a
client that stays silent for `wal_sender_timeout`, however busily it reads (reference: kafka.md 7.3 measured it).
Rule 2: not reading is the back-pressure; nothing is queued here beyond one batch.

Rule 3: names and values are in UTF-8, whatever the database's encoding, but for those that are none (rule P8).

Every use of the connection holds the lock. What the server is told, and when, is decided in `status_updates`; what the
bytes of the slot mean in `pgoutput` and `stream`.
Protocol: https://www.postgresql.org/docs/current/protocol-replication.html
"""

from __future__ import annotations

import select
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn

from cdc_reader.postgres.characters import Characters
from cdc_reader.postgres.connections import (
    CONNECT,
    CONNECT_TIMEOUT_S,
    hold_session,
    readable,
    session_options,
    translated,
)
from cdc_reader.postgres.encodings import texts_as_stored
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.recoded import recoded_message
from cdc_reader.postgres.status_updates import StatusUpdates
from cdc_reader.remedies import PLUGIN, RESET
from cdc_runtime.bounded_calls import CALLS
from schemas.errors import GapFound, Neighbour, ProtocolError, ServerSetting, SlotLost, TransientError, Unreachable

_XLOG_HEADER_BYTES = 25
_CANCEL_S = 2.0
_UNDEFINED_OBJECT = b"42704"
_NOT_IN_STATE = b"55000"
Payload = tuple[int, bytes]


class OptionRefused(ServerSetting):
    """The output plugin knows one of the options not, or not this value; the stream may be started with others."""


class ReplicationStream:
    """One walsender session. `receive` is for one thread; `confirm` may be called from any."""

    def __init__(self, dsn: str, *, application_name: str, status_interval_s: float) -> None:
        with translated("open a replication connection"), CALLS.held(CONNECT):
            self._connection = psycopg.connect(
                readable(dsn),
                autocommit=True,
                replication="database",
                application_name=application_name,
                connect_timeout=CONNECT_TIMEOUT_S,
                options=session_options(),
            )
            hold_session(self._connection)
        self._pgconn: PGconn = self._connection.pgconn
        self._characters = Characters()
        self._lock = threading.Lock()
        self._status_interval_s = status_interval_s
        self._updates = self._updates_from(0)
        self._closing = threading.Event()
        self._clock: threading.Thread | None = None

    def execute(self, command: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a command of the replication protocol, or plain SQL, before the stream has started."""
        with translated("use the replication connection"):
            statement = sql.SQL(command).format(*(sql.Literal(value) for value in values))
            cursor = self._connection.execute(statement, prepare=False)
            return cursor.fetchall() if cursor.description else []

    def start(self, slot: str, at: Lsn, options: dict[str, str]) -> None:
        """Send START_REPLICATION; raises `SlotBusy` while another walsender holds the slot."""
        pairs = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in options.items()
        )
        command = sql.SQL("START_REPLICATION SLOT {} LOGICAL {} ({})").format(
            sql.Identifier(slot), sql.SQL(str(at)), pairs
        )
        with translated(f"start replication from slot {slot!r}"):
            self._characters = texts_as_stored(self._connection, for_session=True)
            try:
                self._connection.execute(command, prepare=False)
            except psycopg.errors.InvalidParameterValue as exc:
                text = exc.diag.message_primary or "no reason given"
                raise OptionRefused(f"the output plugin refuses an option: {text}", remedy=PLUGIN) from exc
        self._updates = self._updates_from(at.value)
        self._clock = threading.Thread(target=self._keep_status, name="status-clock", daemon=True)
        self._clock.start()

    def receive(self, *, most: int, wait_s: float, wake_fd: int) -> tuple[list[Payload], bool]:
        """Up to `most` WAL messages as (LSN, bytes of the plugin), and whether more may be waiting.

        Waits up to `wait_s` for the first one, less when `wake_fd` becomes readable. Raises `Unreachable` when
        the connection ends.
        """
        batch, more = self._drain(most)
        if not batch and wait_s > 0:
            owed_in_s = self._updates.answer_in_s
            select.select(
                [self._pgconn.socket, wake_fd], [], [], wait_s if owed_in_s is None else min(wait_s, owed_in_s)
            )
            batch, more = self._drain(most)
        if self._characters.recode:
            batch = [(lsn, recoded_message(data, self._characters.utf8)) for lsn, data in batch]
        return batch, more

    def _drain(self, most: int) -> tuple[list[Payload], bool]:
        batch: list[Payload] = []
        take = self._pgconn.get_copy_data
        with self._lock, translated("read from the slot"):
            consumed = False
            self._answer()
            while len(batch) < most:
                size, data = take(1)
                if size > 0:
                    kind = data[0]
                    if kind == 0x77:  # w: XLogData
                        batch.append((int.from_bytes(data[1:9], "big"), bytes(data[_XLOG_HEADER_BYTES:])))
                    elif kind == 0x6B:  # k: keepalive
                        self._updates.keepalive(bytes(data))
                        self._answer()
                    else:
                        raise ProtocolError(f"expected XLogData or a keepalive from the walsender, got {kind:#x}")
                elif size == 0:
                    if consumed:
                        return batch, False
                    self._pgconn.consume_input()
                    consumed = True
                else:
                    self._ended()
        return batch, True

    def _ended(self) -> None:
        result = self._pgconn.get_result()
        lines = result.error_message.decode("utf-8", "replace").strip().splitlines() if result is not None else []
        state = result.error_field(DiagnosticField.SQLSTATE) if result is not None else None
        in_order = result is not None and result.status == ExecStatus.COMMAND_OK
        reason = "it shuts down" if in_order else lines[0] if lines else "no reason given"
        message = f"the server ended the replication stream: {reason}"
        if state == _UNDEFINED_OBJECT:
            raise GapFound(f"{message}: the slot is at a time before the publication existed", remedy=RESET)
        if state == _NOT_IN_STATE:
            raise SlotLost(message, remedy=RESET)
        raise Unreachable(message, neighbour=Neighbour.POSTGRES)

    @property
    def wal_end(self) -> int:
        """How far the server was, by its last keepalive: all that was committed before it has been received."""
        return self._updates.wal_end

    def confirm(self, lsn: int) -> None:
        """All before `lsn` is durable in Kafka; the server is told at once, ten times a second at most."""
        self._updates.confirm(lsn)
        if self._updates.may_follow:
            with self._lock, translated("confirm to the slot"):
                self._send(self._updates.status())

    def _updates_from(self, at: int) -> StatusUpdates:
        interval_s = self._status_interval_s
        return StatusUpdates(at, interval_s=interval_s, clock=time.monotonic, now_us=lambda: time.time_ns() // 1000)

    def _answer(self) -> None:
        if (message := self._updates.answer()) is not None:
            self._send(message)

    def _send(self, message: bytes) -> None:
        self._pgconn.put_copy_data(message)
        self._pgconn.flush()

    def _keep_status(self) -> None:
        """Send a status each interval, and a late answer or confirmation within a second."""
        while not self._closing.wait(min(1.0, self._status_interval_s)):
            try:
                with self._lock:
                    self._answer()
                    if self._updates.due:
                        self._send(self._updates.status())
            except psycopg.Error:
                return  # the reading thread meets the same broken connection and reports it

    def cancel(self) -> None:
        """End a command that waits (for a lock, for transactions that are open), from another thread."""
        if self._clock is None and not self._connection.closed:
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=_CANCEL_S)

    def close(self) -> None:
        """Tell the server what is confirmed, and end the session; the slot is free some milliseconds later."""
        self._closing.set()
        if self._clock is not None:
            self._clock.join()
            # A connection that is gone already has nothing left to be told.
            with suppress(TransientError), self._lock, translated("confirm to the slot"):
                self._send(self._updates.status())
        self._connection.close()
