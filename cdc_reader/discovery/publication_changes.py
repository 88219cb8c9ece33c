"""
Edge: carries out a publication plan: wholly, or else all of it but the tables that cannot be had now.

Keeps: D8.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from cdc_reader.discovery.publication import PublicationPlan
from cdc_reader.postgres.connections import translated
from schemas.errors import AccessDenied, FatalError, RowferryError, TransientError, Unreachable
from schemas.names import TableName

# The server locks each table: one that somebody holds for long (VACUUM FULL) must not hold up the others.
_LOCK_WAIT = "SET LOCAL lock_timeout = '3s'"


def apply_publication_plan(
    connection: psycopg.Connection[Any], plan: PublicationPlan
) -> dict[TableName, RowferryError]:
    """Run the plan's statements in one transaction; does nothing when there are none.

    Where that fails each table is tried by itself; those that cannot be had are returned, with the reason. Raises
    `AccessDenied`, whose remedy is the SQL for an administrator, when our rights do not suffice for the publication
    itself.
    """
    if not plan.statements:
        return {}
    try:
        _run(connection, plan, plan.statements)
    except Unreachable:
        raise
    except (TransientError, FatalError):
        return _one_by_one(connection, plan)
    return {}


def _one_by_one(connection: psycopg.Connection[Any], plan: PublicationPlan) -> dict[TableName, RowferryError]:
    try:
        _run(connection, plan, plan.first)
    except AccessDenied as exc:
        raise AccessDenied(
            f"{exc}; an administrator must run this SQL", neighbour=exc.neighbour, remedy=plan.remedy
        ) from exc
    except FatalError as exc:
        raise type(exc).of(exc, remedy=plan.remedy) from exc
    failed: dict[TableName, RowferryError] = {}
    for relation, statement in plan.each:
        try:
            _run(connection, plan, (statement,))
        except Unreachable:
            raise
        except (TransientError, FatalError) as exc:
            failed[relation] = exc
    return failed


def _run(connection: psycopg.Connection[Any], plan: PublicationPlan, statements: Iterable[str]) -> None:
    with translated(f"change publication {plan.name!r}"), connection.transaction():
        connection.execute(_LOCK_WAIT)
        for statement in statements:
            connection.execute(statement.encode())
