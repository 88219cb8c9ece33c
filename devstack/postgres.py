"""
A PostgreSQL server: logical replication switched on, passwords on, durability off.

Settings are PostgreSQL's own names with values as in ``postgresql.conf``. There is no Unix socket,
and each client, replication included, gives a password. Where this process is root, the server
runs as another user.
"""

from __future__ import annotations

import ctypes
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import sql

from devstack import health, ports, postgres_files, postgres_programs, users
from devstack.cache import Say
from devstack.errors import DevstackError
from devstack.postgres_programs import Programs
from devstack.processes import Command
from devstack.server import Server

T = TypeVar("T", int, str)

DEFAULT_VERSION = 18

SETTINGS: Mapping[str, str | int] = {
    "wal_level": "logical",
    "max_replication_slots": 64,
    "max_wal_senders": 64,
    "max_connections": 200,
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    # Files instead of /dev/shm: a killed server leaves nothing outside its folder.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

_ACCESS = f"""\
host all all {ports.HOST}/32 scram-sha-256
host replication all {ports.HOST}/32 scram-sha-256
"""
_IPC_RMID = 0
_STOP_TIMEOUT_S = 60.0


class PostgresServer(Server):
    """A running PostgreSQL; ``dsn`` is that of its superuser in the database ``postgres``."""

    kind = "postgres"
    stop_signal = signal.SIGINT  # "fast": clients are thrown out
    end_signal = signal.SIGQUIT  # "immediate": no checkpoint, but its shared memory is given back

    def __init__(
        self,
        folder: Path | None = None,
        version: int | None = None,
        settings: Mapping[str, str | int] | None = None,
        *,
        origin: str | None = None,
        tied: bool = True,
        say: Say = print,
    ) -> None:
        super().__init__(folder, tied=tied)
        self.version: int = self._of_data("version", version) or DEFAULT_VERSION
        self.origin: str | None = self._of_data("origin", origin)
        self.record.details |= {"version": self.version, "origin": self.origin}
        self.record.details.setdefault("password", secrets.token_urlsafe(18))
        if settings is not None:
            self.record.details["settings"] = dict(settings)
        self._user = users.unprivileged()
        self._home = self.folder / "home"
        self._bin_dir: Path | None = None
        self._say = say

    @property
    def superuser_password(self) -> str:
        """The password of ``postgres``."""
        return str(self.record.details["password"])

    @property
    def dsn(self) -> str:
        """A connection URL for the superuser."""
        return self.dsn_of("postgres")

    address = dsn

    @property
    def programs(self) -> Programs:
        """What it runs; may fetch it."""
        return postgres_programs.find(self.version, self.origin, self._say)

    @property
    def bin_dir(self) -> Path:
        """The folder with psql, pgbench, pg_recvlogical and the others, perhaps newer ones; any user may run them."""
        return self.programs.clients_dir

    def dsn_of(self, database: str) -> str:
        """A connection URL for the superuser in that database."""
        return f"postgresql://postgres:{self.superuser_password}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database and return its connection URL; raises DevstackError."""
        # Before 15 files are copied always.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}" + (" STRATEGY file_copy" if self.version >= 15 else ""))
        try:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        except psycopg.Error as exc:
            raise DevstackError(f"cannot create database {name!r}: {exc.diag.message_primary or exc}") from exc
        return self.dsn_of(name)

    def healthy(self) -> bool:
        """Whether it answers a client now; raises nothing."""
        return health.postgres(self.dsn) is None

    def restart(self, settings: Mapping[str, str | int] | None = None) -> None:
        """Stop it in order if it runs, and start it again; the settings are added to those it has."""
        self.record.details["settings"] = {**self.record.details.get("settings", {}), **(settings or {})}
        self._start_again()

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """
        Shut it down in order ("fast"); data and port stay.

        Raises DevstackError when it has not ended in time: a client of replication that keeps it up is a fault to be
        seen, so nothing is killed.
        """
        if not self._process.end_in_order(self.stop_signal, timeout_s):
            raise DevstackError(
                f"{self.kind} has not shut down within {timeout_s:g} s: does a client of replication keep it? "
                f"End that client, or the server (process {self._pid()}); its log: {self.log}"
            )

    def close(self) -> None:
        """End it at once and for good; a temporary folder is removed. May be called twice."""
        orphaned = None if self.alive else self._shared_memory()
        super().close()
        if orphaned is not None:
            ctypes.CDLL(None).shmctl(orphaned, _IPC_RMID, None)

    def folders(self) -> list[Path]:
        """The folders with all that it keeps on disk."""
        home = (self.folder / "home").resolve()  # may lie elsewhere
        return [self.folder, home]

    def _of_data(self, what: str, asked: T | None) -> T | None:
        """What the data are of, which what was asked for cannot change."""
        known: T | None = self.record.details.get(what)
        if None not in (asked, known) and asked != known:
            raise DevstackError(f"the data in {self.folder} is PostgreSQL {known}'s, asked was for {asked}; reset it")
        return known or asked

    def _prepare(self) -> None:
        self._home = postgres_files.home(self.folder, self._user)
        if self._throwaway and self._process.tied:
            self._process.remove_at_end(*self.folders())
        self._bin_dir = postgres_files.bin_folder(self.programs, self._home, self._user)
        if not self.cluster.exists():
            self._make_cluster(self._bin_dir)

    def _make_cluster(self, bin_dir: Path) -> None:
        postgres_files.initialise(self.cluster, bin_dir, self.superuser_password, self._user)

    def _command(self) -> Command:
        settings = {**SETTINGS, **self.record.details.get("settings", {})}
        settings |= {"listen_addresses": ports.HOST, "port": self.port, "unix_socket_directories": ""}
        self._write("devstack.conf", "".join(f"{name} = {quoted(value)}\n" for name, value in settings.items()))
        self._write("postgresql.conf", "include 'devstack.conf'\n")
        self._write("pg_hba.conf", _ACCESS)
        assert self._bin_dir is not None
        argv = (str(self._bin_dir / "postgres"), "-D", str(self.cluster))
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        return Command(argv, self.cluster, environment, self.log, self._user)

    def _ready(self) -> bool:
        lines = self._pid_file_lines()
        return len(lines) >= 8 and lines[0] == str(self._pid()) and lines[7].strip() in ("ready", "standby")

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self._home / "cluster"

    def _write(self, name: str, content: str) -> None:
        path = self.cluster / name
        path.write_text(content)
        if self._user is not None:
            users.give(path, self._user)

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _shared_memory(self) -> int | None:
        """The id of the segment that a killed server left behind; the next start would remove it."""
        lines = self._pid_file_lines()
        parts = lines[6].split() if len(lines) >= 7 else []
        return int(parts[1]) if len(parts) == 2 else None


def quoted(value: str | int) -> str:
    """The value as postgresql.conf takes any."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def start(
    data_dir: Path | None = None,
    version: int | None = None,
    settings: Mapping[str, str | int] | None = None,
    *,
    origin: str | None = None,
    port: int | None = None,
    tied: bool = True,
    say: Say = print,
) -> PostgresServer:
    """
    Start PostgreSQL with its data in that folder, and return when it serves clients.

    ``origin`` says where its programs come from (`postgres_programs`), if that matters; ``say`` gets lines of
    progress. A folder that has been used before goes on with its data, version, origin, password and, if it is free,
    port. Raises DevstackError, with one line.
    """
    return PostgresServer(data_dir, version, settings, origin=origin, tied=tied, say=say).begin(port)
