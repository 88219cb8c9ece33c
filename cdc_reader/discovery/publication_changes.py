"""Edge: carries out a publication plan, wholly or not at all."""

from __future__ import annotations

from typing import Any

import psycopg

from cdc_reader.discovery.publication import PublicationPlan
from cdc_reader.postgres.connections import translated
from schemas.errors import AccessDenied, FatalError


def apply_publication_plan(connection: psycopg.Connection[Any], plan: PublicationPlan) -> None:
    """Run the plan's statements in one transaction; does nothing when there are none.

    Raises `AccessDenied` whose remedy is the SQL for an administrator when our rights do not allow it.
    """
    if not plan.statements:
        return
    try:
        with translated(f"change publication {plan.name!r}"), connection.transaction():
            for statement in plan.statements:
                connection.execute(statement.encode())
    except AccessDenied as exc:
        raise AccessDenied(
            f"{exc}; an administrator must run the SQL", neighbour=exc.neighbour, remedy=_one_line(plan)
        ) from exc
    except FatalError as exc:
        raise type(exc).of(exc, remedy=_one_line(plan)) from exc


def _one_line(plan: PublicationPlan) -> str:
    return " ".join(plan.sql.split("\n")).strip()
