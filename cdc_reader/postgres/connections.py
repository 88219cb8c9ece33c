"""
Ordinary connections to the source: how they are opened, and which of our errors their errors become.

Every session prints values as the topics carry them (UTC, ISO dates, hex bytea) and never hides rows (rule S5).
Leaves the replication connection to `replication`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors

from schemas.errors import (
    AccessDenied,
    FatalError,
    RecordError,
    RowferryError,
    ServerSetting,
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
_DENIED = ("password authentication failed", "no pg_hba.conf entry", "no password supplied", "fe_sendauth")
_ABSENT = ("does not exist",)
_NO_RIGHT = ("permission denied to start WAL sender", "must be superuser or replication role")
_NO_SENDER = ("number of requested standby connections exceeds",)
CONNECT_TIMEOUT_S = 10
# DDL between planning and reading: the definitions are compared and the session begins again.
_MOVED = (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedObject, errors.InvalidSchemaName)
Connection = psycopg.Connection[tuple[Any, ...]]


def session_options(**more: str) -> str:
    """The `options` of a connection string that make a session print values our way."""
    return " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in {**_SESSION, **more}.items())


def connect(dsn: str, *, application_name: str, autocommit: bool = True) -> Connection:
    """Open an ordinary connection; raises `Unreachable`, `AccessDenied` or `ServerSetting`. Blocks for 10 s at most."""
    with translated("connect to PostgreSQL"):
        return psycopg.connect(
            dsn,
            autocommit=autocommit,
            application_name=application_name,
            connect_timeout=CONNECT_TIMEOUT_S,
            options=session_options(row_security="off"),
            keepalives_idle=30,
            prepare_threshold=None,
        )


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
    message = f"cannot {doing}: {text}"
    if isinstance(
        exc, errors.InsufficientPrivilege | errors.InvalidPassword | errors.InvalidAuthorizationSpecification
    ):
        return AccessDenied(
            message, remedy="run `rowferry doctor`: it prints the statement that grants what is missing"
        )
    if isinstance(exc, errors.ObjectNotInPrerequisiteState | errors.ConfigurationLimitExceeded):
        return ServerSetting(message, remedy="run `rowferry doctor`: it names the server setting to change")
    if isinstance(exc, errors.ObjectInUse):
        return SlotBusy(message, remedy="stop the other reader of this slot")
    if isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError):
        return _connection_error(message, text)
    if isinstance(exc, _MOVED):
        return TransientError(f"{message} (the definition changed meanwhile)")
    if isinstance(exc, psycopg.DataError):
        return RecordError(f"cannot {doing}: a value is not of the column's type")
    if isinstance(exc, errors.SerializationFailure | errors.QueryCanceled | errors.LockNotAvailable):
        return TransientError(message)
    return FatalError(message)


def _connection_error(message: str, text: str) -> RowferryError:
    if any(words in text for words in _DENIED):
        return AccessDenied(message, remedy="check user and password of database_url")
    if any(words in text for words in _NO_RIGHT):
        return AccessDenied(message, remedy="ALTER ROLE <the user of database_url> REPLICATION;")
    if any(words in text for words in _NO_SENDER):
        return ServerSetting(message, remedy="ALTER SYSTEM SET max_wal_senders = 20; then restart the server")
    if "FATAL" in text and any(words in text for words in _ABSENT):
        return AccessDenied(message, remedy="check user and database name of database_url")
    return Unreachable(message, remedy="check host and port of database_url and that the server runs")
