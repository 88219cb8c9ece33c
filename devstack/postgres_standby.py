"""A physical standby of a PostgreSQL server of devstack's: a copy that follows it, until it is promoted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psycopg

from devstack import postgres_files
from devstack.errors import DevstackError
from devstack.postgres import PostgresServer

_PROMOTED_WITHIN_S = 60


class PostgresStandby(PostgresServer):
    """
    It reads from ``slot``, which is made on the primary; its settings are added to those that a standby needs.

    From PostgreSQL 17 on it takes over logical slots that are made with FAILOVER. Both servers have one password.
    """

    def __init__(self, primary: PostgresServer, settings: Mapping[str, str | int] | None = None, *, slot: str) -> None:
        follow: dict[str, str | int] = {
            "primary_conninfo": f"{_conninfo(primary)} application_name={slot}",
            "primary_slot_name": slot,
            "hot_standby_feedback": "on",
        }
        if primary.version >= 17:
            follow["sync_replication_slots"] = "on"
        super().__init__(None, primary.version, {**follow, **(settings or {})}, origin=primary.origin)
        self.record.details["password"] = primary.superuser_password
        self._primary = primary
        self._slot = slot

    def _make_cluster(self, bin_dir: Path) -> None:
        asks = {
            "PGHOST": self._primary.host,
            "PGPORT": str(self._primary.port),
            "PGUSER": "postgres",
            "PGPASSWORD": self.superuser_password,
        }
        programs = bin_dir if (bin_dir / "pg_basebackup").exists() else self.programs.clients_dir
        postgres_files.copy_running(self.cluster, programs, asks, self._slot, self._user)
        self._write("standby.signal", "")

    def promote(self) -> None:
        """Make it a primary, with all that it has received; returns when it is one. Raises DevstackError."""
        try:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                row = connection.execute("SELECT pg_promote(true, %s)", (_PROMOTED_WITHIN_S,)).fetchone()
        except psycopg.Error as exc:
            raise DevstackError(f"cannot promote the standby: {exc.diag.message_primary or exc}") from exc
        if row != (True,):
            raise DevstackError(f"the standby was not promoted within {_PROMOTED_WITHIN_S} s; its log: {self.log}")


def start_standby(
    primary: PostgresServer, settings: Mapping[str, str | int] | None = None, *, slot: str = "standby"
) -> PostgresStandby:
    """Copy the primary, and return when the standby follows it and serves reads. Raises DevstackError."""
    return PostgresStandby(primary, settings, slot=slot).begin()


def _conninfo(primary: PostgresServer) -> str:
    where = f"host={primary.host} port={primary.port} dbname=postgres"
    return f"{where} user=postgres password={primary.superuser_password}"
