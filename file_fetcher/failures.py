"""
Why a file is not there (yet), by what must happen next.

    FetchProblem
    +-- Skipped      final: as things are it will never be fetched (type, size, host, archived ...)
    +-- Failed       final: it should be there and cannot be had or read
    +-- Later        the same attempt may succeed later: back-off, counted
    |   +-- Throttled    the same, and the origin asks us to be slower
    +-- Blocked      nothing to do with this file: our credentials, our clock, an origin that does not answer:
    |                opens the breaker of its origin, no attempt is counted
    +-- Cancelled    a newer event of the row has made the work needless

`reason` is a word of `REASONS` for results, metrics and searches; the message gives the details for people, without
signatures, credentials or row values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import Neighbour, RowferryError


class FetchProblem(RowferryError):
    """A reference could not be fetched."""

    def __init__(
        self, reason: str, message: str, *, neighbour: Neighbour | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message, neighbour=neighbour, remedy=remedy)
        self.reason = reason


class Skipped(FetchProblem):
    """It will not be fetched, and that is as it should be."""


class Failed(FetchProblem):
    """It cannot be fetched, however often it is tried."""


class Later(FetchProblem):
    """It may be there later."""


class Throttled(Later):
    """The store asks for fewer requests."""


class Blocked(FetchProblem):
    """Nothing can be fetched from there, whichever file."""


class Cancelled(FetchProblem):
    """It is not wanted any more."""

    def __init__(self) -> None:
        super().__init__("superseded", "a newer event of the row came")


@contextmanager
def arising_at(neighbour: Neighbour) -> Iterator[None]:
    """Let problems know at whose edge they arose."""
    try:
        yield
    except FetchProblem as problem:
        problem.neighbour = problem.neighbour or neighbour
        raise
