"""Edge: turns what psycopg raises into our own errors, so that nothing else of it gets out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from schemas.errors import AccessDenied, FatalError, RowferryError, ServerSetting, TransientError, Unreachable

_DENIED = (
    errors.InsufficientPrivilege,
    errors.InvalidPassword,
    errors.InvalidAuthorizationSpecification,
)
_PASSING = (
    errors.OperatorIntervention,
    errors.TransactionRollback,
    errors.LockNotAvailable,
    errors.TooManyConnections,
    errors.CannotConnectNow,
)
_SERVER_SETTING = (errors.InvalidCatalogName, errors.ObjectNotInPrerequisiteState)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Run a block of database calls; `doing` says in the message what was attempted ("read the catalog")."""
    try:
        yield
    except psycopg.Error as exc:
        raise translate(exc, doing) from exc


def translate(exc: psycopg.Error, doing: str) -> RowferryError:
    """Our error for one of psycopg's; messages of the server are kept, its details (they may hold values) are not."""
    message = f"cannot {doing}: {exc.diag.message_primary or _last_line(str(exc))}"
    if isinstance(exc, _DENIED) or _is_refused_login(exc):
        return AccessDenied(message)
    if isinstance(exc, _SERVER_SETTING):
        return ServerSetting(message)
    if isinstance(exc, _PASSING):
        return TransientError(message)
    if isinstance(exc, psycopg.OperationalError):
        return Unreachable(message)
    return FatalError(message)


def _last_line(text: str) -> str:
    """What libpq says last when a connect fails: the lines before it are the addresses that were tried."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no message"


def _is_refused_login(exc: psycopg.Error) -> bool:
    """Whether a failed connect was refused by the server: libpq gives no SQLSTATE then, only the message."""
    text = str(exc)
    return exc.sqlstate is None and any(
        sign in text
        for sign in ("password authentication failed", "no password supplied", "no pg_hba.conf entry", 'role "')
    )
