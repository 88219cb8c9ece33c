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
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from cdc_reader.remedies import PLUGIN
from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import Call, bound_of
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
    Sql,
    TransientError,
    Unreachable,
)


class NoConnectionLeft(Unreachable):
    """The server is there and has no room for one more connection."""


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
# Those of them that libpq takes from its environment (PGTZ, PGDATESTYLE, PGCLIENTENCODING), which win over `options`.
_FROM_ENVIRONMENT = {"TimeZone": "UTC", "DateStyle": "ISO, MDY", "client_encoding": "UTF8"}
CONNECT_TIMEOUT_S = 10
# The time-out is for each address of each host in turn, and for none of their look-ups.
CONNECT = Call("connect", Neighbour.POSTGRES, 12 * bound_of(CONNECT_TIMEOUT_S))
# DDL between planning and reading: the definitions are compared and the session begins again.
_MOVED = (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedObject, errors.InvalidSchemaName)
_NO_SESSION = (psycopg.OperationalError, psycopg.InterfaceError)
_ASK_DOCTOR = "run `rowferry doctor`: it names the server setting to change"
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
        _ASK_DOCTOR,
    ),
    (
        (errors.UndefinedFile,),
        ServerSetting,
        PLUGIN,
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
        re.compile("server does not support SSL, but SSL was required"),
        SettingsError,
        "set sslmode in database_url to disable or prefer, or let the server have a certificate",
    ),
    (
        # No other "SSL error": a network that breaks off is told of as one, too.
        re.compile("certificate verify failed|root certificate file|does not match host name|wrong version number"),
        SettingsError,
        "check sslmode and sslrootcert of database_url against the server's certificate",
    ),
    (
        re.compile("client certificate|certificate authentication failed|private key file|certificate file"),
        AccessDenied,
        "check sslcert and sslkey of database_url",
    ),
    (
        re.compile("no pg_hba.conf entry"),
        AccessDenied,
        "add a line for this user, database and host to pg_hba.conf, then SELECT pg_reload_conf(); or, where a hostssl "
        "line is there, set sslmode in database_url to require",
    ),
    (
        re.compile("password authentication failed|no password supplied|fe_sendauth"),
        AccessDenied,
        "check user and password of database_url",
    ),
    (
        re.compile("permission denied for database"),
        AccessDenied,
        Sql("GRANT CONNECT ON DATABASE <the database of database_url> TO <the user of database_url>;"),
    ),
    (
        re.compile("is not permitted to log in"),
        AccessDenied,
        Sql("ALTER ROLE <the user of database_url> LOGIN;"),
    ),
    (
        re.compile("permission denied to start WAL sender|must be superuser or replication role"),
        AccessDenied,
        Sql("ALTER ROLE <the user of database_url> REPLICATION;"),
    ),
    (
        re.compile("number of requested standby connections exceeds"),
        ServerSetting,
        _ASK_DOCTOR,
    ),
    (
        re.compile("too many (clients|connections)|connection slots are reserved"),
        NoConnectionLeft,
        "end connections, or raise max_connections or the CONNECTION LIMIT of the user of database_url",
    ),
    (re.compile("FATAL.*does not exist"), AccessDenied, "check user and database name of database_url"),
)
Connection = psycopg.Connection[tuple[Any, ...]]


def session_options(**more: str) -> str:
    """The `options` of a connection string that make a session print values our way."""
    return " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in {**_SESSION, **more}.items())


def connect(
    dsn: str,
    *,
    application_name: str,
    autocommit: bool = True,
    timeout_s: int = CONNECT_TIMEOUT_S,
    lost_after_s: float | None = None,
) -> Connection:
    """
    Open an ordinary connection. Blocks for `timeout_s` at most, for each address of the host.

    A peer that is silent on the network for `lost_after_s` (None: as long as the system says) ends the connection.

    Raises `Unreachable`, `AccessDenied`, `ServerSetting`, `SettingsError` (a connection string that cannot be read).
    """
    network: dict[str, Any] = {"keepalives_idle": 30} if lost_after_s is None else _network_limits(lost_after_s)
    with translated("connect to PostgreSQL"), CALLS.held(CONNECT):
        connection = psycopg.connect(
            readable(dsn),
            autocommit=True,
            application_name=application_name,
            connect_timeout=timeout_s,
            options=session_options(row_security="off"),
            prepare_threshold=None,
            **network,
        )
        hold_session(connection)
        connection.autocommit = autocommit
    return connection


def hold_session(connection: psycopg.Connection[Any]) -> None:
    """
    Set what libpq's environment has set otherwise, as the server reports it. For a connection in autocommit.

    Raises `ServerSetting` where the session keeps another setting; the connection is closed by then.
    """
    for name, value in _FROM_ENVIRONMENT.items():
        if connection.info.parameter_status(name) != value:
            # Without parameters: a replication connection knows the simple protocol alone.
            statement = sql.SQL("SELECT set_config({}, {}, false)").format(name, value)
            connection.execute(statement, prepare=False)
        if (found := connection.info.parameter_status(name)) != value:
            connection.close()
            raise ServerSetting(
                expected=f"a session with {name} {value}",
                found=str(found),
                neighbour=Neighbour.POSTGRES,
                remedy="let database_url name the server itself, or a pooler that keeps the settings of a session",
            )


def _network_limits(lost_after_s: float) -> dict[str, int]:
    interval_s = max(1, int(lost_after_s / 4))
    return {
        "tcp_user_timeout": int(lost_after_s * 1000),
        "keepalives_idle": interval_s,
        "keepalives_interval": interval_s,
        "keepalives_count": 3,
    }


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
    except UnicodeEncodeError as exc:  # by psycopg, in a session in the database's own encoding
        raise RecordError(f"cannot {doing}: a name or value has a character that the database cannot hold") from exc


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
