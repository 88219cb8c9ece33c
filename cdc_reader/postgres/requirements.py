"""
What the pipeline needs of its source (pure), as one list for two readers of it.

The reader raises the first one that it cannot start without; `rowferry doctor` prints them all. What is needed stands
in `server_requirements`, `slot_requirements` and `discovery.requirements`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from schemas.errors import FatalError, Neighbour, ServerSetting, Sql


class Level(Enum):
    """What it means when a requirement is not met."""

    START = auto()  # the reader does not start
    WHOLE = auto()  # the server refuses something sooner or later, or rows are missing
    ADVISED = auto()  # the pipeline runs; something should be looked at


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    One requirement as it is: `id` never changes; `level` is None where it is met.

    `remedy` is SQL (`sql` is true) or words and commands, to be copied. `error` is what the reader raises.
    """

    id: str
    expected: str
    found: str
    level: Level | None = None
    remedy: str = ""
    sql: bool = False
    error: type[FatalError] = ServerSetting


def require(requirements: Iterable[Requirement]) -> None:
    """Raise the error of the first requirement that the reader cannot start without; looks at no more than it must."""
    for each in requirements:
        if each.level is Level.START:
            remedy = Sql(each.remedy) if each.sql else each.remedy or None
            raise each.error(expected=each.expected, found=each.found, neighbour=Neighbour.POSTGRES, remedy=remedy)
