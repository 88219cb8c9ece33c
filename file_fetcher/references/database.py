"""
Edge: a SQLite file that may be lost at any time, because it is rebuilt from elsewhere.

Rule 1: one process has it (an exclusive lock on a file beside it).
Rule 2: a file that is corrupt, of another format, or that may have lost writes is removed and recreated. Nothing is
        synced while it is open, so a machine that stops may leave an old mixture of pages: a file that was open when
        another boot began is not trusted.
Rule 3: only our errors come out.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from schemas.errors import FatalError, SettingsError

_log = structlog.get_logger(__name__)
_CACHE_KIB = 16 * 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLEAN = ""
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

Connection = sqlite3.Connection


class LocalDatabase:
    """
    One file, `<folder>/<name>.sqlite`, with the tables of `statements`; to be closed.

    May be used by several threads: one at a time is let in. Raises `SettingsError` when the folder cannot be used or
    another process has the file, `FatalError` when SQLite fails.
    """

    def __init__(self, folder: Path, name: str, statements: Sequence[str], *, version: int) -> None:
        self._path = folder / f"{name}.sqlite"
        self._statements = statements
        self._version = version
        self._guard = threading.Lock()
        self._lock_file = _locked(folder, folder / f"{name}.lock")
        self._boot = _boot_id()
        self._closed = False
        try:
            with self._translating():
                self._connection = self._opened()
        except BaseException:
            os.close(self._lock_file)
            raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: all of it, or nothing."""
        with self._guard, self._translating():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        with self._guard, self._translating():
            return self._connection.execute(query, parameters).fetchall()

    def close(self) -> None:
        """Make everything durable, free the file; may be called twice."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            try:
                # First the pages, then the word that they are whole.
                self._mark(self._connection, self._boot)
                self._mark(self._connection, _CLEAN)
            except sqlite3.Error as exc:
                _log.warning("local store was not closed cleanly", path=str(self._path), error=_name(exc))
            finally:
                self._connection.close()
                os.close(self._lock_file)

    def _opened(self) -> Connection:
        existed = self._path.exists()
        connection = self._connect()
        try:
            reason = self._refusal(connection)
            if reason is not None:
                connection.close()
                if existed:
                    _log.warning("local store is recreated", path=str(self._path), reason=reason)
                connection = self._made()
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._mark(connection, self._boot)
            connection.execute("PRAGMA synchronous = OFF")
        except BaseException:
            connection.close()
            raise
        return connection

    def _made(self) -> Connection:
        self._remove()
        connection = self._connect()
        with connection:
            connection.execute("BEGIN")
            for statement in self._statements:
                connection.execute(statement)
            connection.execute("CREATE TABLE opened (boot TEXT NOT NULL)")
            connection.execute("INSERT INTO opened VALUES (?)", (self._boot,))
            connection.execute(f"PRAGMA user_version = {self._version}")
        return connection

    def _connect(self) -> Connection:
        return sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)

    def _refusal(self, connection: Connection) -> str | None:
        """Why the file cannot be used; None when it can."""
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != self._version:
                return f"its format is {version}, not {self._version}"
            (boot,) = connection.execute("SELECT boot FROM opened").fetchone()
        except sqlite3.DatabaseError as exc:
            if isinstance(exc, sqlite3.OperationalError):
                raise
            return _name(exc)
        return None if boot in (_CLEAN, self._boot) else "the machine stopped while it was open"

    def _mark(self, connection: Connection, boot: str) -> None:
        """Write durably, behind everything else, in which boot the file is open."""
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("UPDATE opened SET boot = ?", (boot,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            if getattr(exc, "sqlite_errorcode", 0) & 0xFF in _CORRUPT:
                # The next start recreates it.
                self._remove()
            raise FatalError(
                expected=f"the local store {self._path} to work",
                found=f"{_name(exc)}: {exc}",
                remedy="make room on its disk and start again; the file may be removed, it is rebuilt from the topics",
            ) from exc


def _locked(folder: Path, path: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise SettingsError(
            expected=f"to write into data_directory {str(folder)!r}",
            found=str(exc.strerror),
            remedy="give data_directory a folder that this user may write to",
        ) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        raise SettingsError(
            expected=f"data_directory {str(folder)!r} for this process alone",
            found="one that another process uses",
            remedy="give each process a data_directory of its own",
        ) from exc
    return descriptor


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        # Not known: only a file that was closed cleanly is trusted.
        return secrets.token_hex(16)


def _name(exc: sqlite3.Error) -> str:
    return str(getattr(exc, "sqlite_errorname", type(exc).__name__))
