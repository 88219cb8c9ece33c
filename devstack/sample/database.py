"""The edge to PostgreSQL that loading and the workload share: connections, and errors of ours for the driver's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from schemas.errors import AccessDenied, FatalError, RowferryError, Unreachable

Connection = psycopg.Connection[tuple[Any, ...]]

_CONNECT_TIMEOUT_S = 10


@contextmanager
def connected(dsn: str, *, application_name: str) -> Iterator[Connection]:
    """
    Open a connection in autocommit mode and close it in the end.

    Raises Unreachable, AccessDenied, or FatalError for whatever else the server refuses.
    """
    with translated():
        connection = psycopg.connect(
            dsn,
            autocommit=True,
            application_name=application_name,
            client_encoding="UTF8",
            connect_timeout=_CONNECT_TIMEOUT_S,
        )
        with connection:
            yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours; they name the condition and the table, never a value."""
    try:
        yield
    except psycopg.Error as exc:
        raise as_ours(exc) from exc


def as_ours(exc: psycopg.Error) -> RowferryError:
    """Return our error for one of the driver's."""
    if isinstance(exc, psycopg.errors.InsufficientPrivilege):
        return AccessDenied("expected the right to create and change tables, got a refusal (42501)")
    if isinstance(exc, psycopg.errors.InvalidAuthorizationSpecification):
        return AccessDenied(f"expected a valid user and password, got a refusal ({exc.sqlstate})")
    if isinstance(exc, psycopg.OperationalError):
        state = exc.sqlstate or "no answer"
        return Unreachable(f"expected an answer from PostgreSQL, got {type(exc).__name__} ({state})")
    if isinstance(exc, psycopg.errors.DuplicateTable | psycopg.errors.DuplicateObject):
        remedy = "load into a new database"
        return FatalError(
            "expected an empty schema public, got one that holds the sample or parts of it", remedy=remedy
        )
    table = exc.diag.table_name or "the sample database"
    return FatalError(
        f"expected a statement on {table} to pass, got {type(exc).__name__} ({exc.sqlstate})",
        remedy="run the workload with the seed and factor of the load, on a database that no one else changes",
    )
