"""
Ordinary connections to the source: how they are opened, and which of our errors their errors become.

Every session prints values as the topics carry them (UTC, ISO dates, hex bytea) and never hides rows (rule S5).
Leaves the replication connection to `replication`.

Keeps: S5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from cdc_runtime.settings.addresses import check_database_url
from schemas.errors import (
    AccessDenied,
    FatalError,
    Neighbour,
    RecordError,
    RowferryError,
    ServerSetting,
    SettingsError,
    SlotBusy,
    TransientError,
    Unreachable,
)

# Values print the same way in the stream, in snapshots and in refetches.
_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    # Types of `public` are printed without their schema by discovery, and are read back so in casts of keys.
    "search_path": "pg_catalog,public",
    # What an administrator set for people must not end a long read of ours.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    # Our messages wait for no standby; they are flushed here, which is all that a watermark needs.
    "synchronous_commit": "local",
}
CONNECT_TIMEOUT_S = 10
# DDL between planning and reading: the definitions are compared and the session begins again.
_MOVED = (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedObject, errors.InvalidSchemaName)
_NO_SESSION = (psycopg.OperationalError, psycopg.InterfaceError)
_CHECK_ADDRESS = "check host and port of database_url and that the server runs"
_Classes = tuple[type[psycopg.Error], ...]
# What an error with a SQLSTATE means; the first line that fits.
_KINDS: tuple[tuple[_Classes, type[RowferryError], str | None], ...] = (
    (
        (errors.InsufficientPrivilege, errors.InvalidPassword, errors.InvalidAuthorizationSpecification),
        AccessDenied,
        "run `rowferry doctor`: it prints the statement that grants what is missing",
    ),
    (
        (errors.ObjectNotInPrerequisiteState, errors.ConfigurationLimitExceeded),
        ServerSetting,
        "run `rowferry doctor`: it names the server setting to change",
    ),
    ((errors.ObjectInUse,), SlotBusy, "stop the other reader of this slot"),
    ((errors.SerializationFailure, errors.QueryCanceled, errors.LockNotAvailable), TransientError, None),
    (_NO_SESSION, Unreachable, _CHECK_ADDRESS),
    (_MOVED, TransientError, None),
    ((psycopg.DataError,), RecordError, None),
)
# What libpq says of a server that did not let us in: it has words only.
_REFUSALS = (
    (
        re.compile("password authentication failed|no pg_hba.conf entry|no password supplied|fe_sendauth"),
        AccessDenied,
        "check user and password of database_url",
    ),
    (
        re.compile("permission denied to start WAL sender|must be superuser or replication role"),
        AccessDenied,
        "ALTER ROLE <the user of database_url> REPLICATION;",
    ),
    (
        re.compile("number of requested standby connections exceeds"),
        ServerSetting,
        "ALTER SYSTEM SET max_wal_senders = 20; then restart the server",
    ),
    (re.compile("FATAL.*does not exist"), AccessDenied, "check user and database name of database_url"),
)
Connection = psycopg.Connection[tuple[Any, ...]]


def session_options(**more: str) -> str:
    """The `options` of a connection string that make a session print values our way."""
    return " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in {**_SESSION, **more}.items())


def connect(dsn: str, *, application_name: str, autocommit: bool = True) -> Connection:
    """
    Open an ordinary connection. Blocks for 10 s at most.

    Raises `Unreachable`, `AccessDenied`, `ServerSetting`, `SettingsError` (a connection string that cannot be read).
    """
    with translated("connect to PostgreSQL"):
        return psycopg.connect(
            readable(dsn),
            autocommit=autocommit,
            application_name=application_name,
            connect_timeout=CONNECT_TIMEOUT_S,
            options=session_options(row_security="off"),
            keepalives_idle=30,
            prepare_threshold=None,
        )


def readable(dsn: str) -> str:
    """Returns a connection string that libpq can read; raises `SettingsError`, in words that repeat nothing of it.

    The settings are checked when they are loaded, but a secret file is read again at each connect.
    """
    try:
        conninfo_to_dict(check_database_url(dsn))
    except ValueError as exc:
        raise SettingsError(f"database_url: {exc}") from None
    except psycopg.ProgrammingError:
        # Its text quotes what it could not read, and that may be the password.
        raise SettingsError(
            "database_url: expected options that libpq knows, got another",
            remedy="percent-encode user and password, and look at the options behind '?'",
        ) from None
    return dsn


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn psycopg's errors into ours; `doing` completes the sentence "cannot ..."."""
    try:
        yield
    except RowferryError:
        raise
    except psycopg.Error as exc:
        raise translate(exc, doing) from exc


def translate(exc: psycopg.Error, doing: str) -> RowferryError:
    """Our error for one of psycopg's. The server's DETAIL is left out: it can hold row values."""
    text = exc.diag.message_primary or str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
    if isinstance(exc, psycopg.DataError):
        text = "a value is not of the column's type"
    # A server that refuses a connection has said so without a code by the time libpq reports it.
    kind, remedy = _refusal(text) if exc.sqlstate is None and isinstance(exc, _NO_SESSION) else _kind(exc)
    note = " (the definition changed meanwhile)" if isinstance(exc, _MOVED) else ""
    return kind(f"cannot {doing}: {text}{note}", neighbour=Neighbour.POSTGRES, remedy=remedy)


def _kind(exc: psycopg.Error) -> tuple[type[RowferryError], str | None]:
    for classes, kind, remedy in _KINDS:
        if isinstance(exc, classes):
            return kind, remedy
    return FatalError, None


def _refusal(text: str) -> tuple[type[RowferryError], str]:
    for words, kind, remedy in _REFUSALS:
        if words.search(text):
            return kind, remedy
    return Unreachable, _CHECK_ADDRESS
