"""
How current a committed position is.

With every committed offset goes `as_of`: a time before which everything that was written has been read. What follows
from an old one is decided in `missed_deletes`. Pure; times are milliseconds of the wall clock.

Rule 1: a position without a known time (another program committed it) stays unknown until a record or the end is read.
Rule 2: a position is as current as now only at the end of its log, with nothing open. A partition that waits is not
        fetched: where it ends is not known then (`end_offset` is None).
Rule 3: a position that has become more current by an hour is committed although it has not moved, so that the age of
        an idle partition stays true.

Keeps: V7.
"""

from __future__ import annotations

from dataclasses import dataclass

_PREFIX = "as_of_ms="
REFRESH_AFTER_MS = 60 * 60 * 1000
CHECK_AFTER_MS = 60 * 60 * 1000
_UNKNOWN = 0


@dataclass(frozen=True, slots=True)
class CommittedPosition:
    """A committed position; `as_of_ms` None when another program committed it."""

    next_offset: int
    as_of_ms: int | None

    @property
    def metadata(self) -> str:
        """The text that is committed with the offset; empty where its age is not known."""
        return "" if self.as_of_ms is None else f"{_PREFIX}{self.as_of_ms}"


def from_metadata(text: str | None) -> int | None:
    """Returns the `as_of_ms` of a committed text; None for the text of another program."""
    number = (text or "").removeprefix(_PREFIX)
    return int(number) or None if text and text.startswith(_PREFIX) and number.isdigit() else None


class PositionAge:
    """The age of the position of one partition, for as long as it is assigned to us; `begin` comes first."""

    __slots__ = ("_as_of_ms", "_asked_ms", "_checked_ms", "_committed_as_of_ms", "_committed_offset", "written_ms")

    def __init__(self) -> None:
        self._as_of_ms = self._committed_as_of_ms = _UNKNOWN
        self._committed_offset: int | None = None
        self.written_ms = 0  # when the last record was written that was read
        self._checked_ms = self._asked_ms = 0

    def begin(self, committed: CommittedPosition | None, now_ms: int) -> None:
        """Start as current as the committed position says; without one, now."""
        if committed is None:
            self._as_of_ms, self._committed_as_of_ms = now_ms, _UNKNOWN
        else:
            self._as_of_ms = self._committed_as_of_ms = committed.as_of_ms or _UNKNOWN
            self._committed_offset = committed.next_offset

    def look(self, next_offset: int, end_offset: int | None, *, idle: bool, now_ms: int) -> None:
        """
        Make the age true for a position; `idle`: everything that was read is done.

        A transaction's marker may stand between the last record and the end.
        """
        if idle and end_offset is not None and end_offset - next_offset <= 1:
            self._as_of_ms = now_ms
        elif idle:
            self._as_of_ms = min(now_ms, max(self._as_of_ms, self.written_ms))

    @property
    def as_of_ms(self) -> int | None:
        """Everything that was written before has been read; None when that is not known."""
        return self._as_of_ms or None

    def due(self, next_offset: int) -> bool:
        """Whether the position should be committed: it has moved, or its committed age is stale."""
        moved = next_offset != self._committed_offset
        return moved or self._as_of_ms - self._committed_as_of_ms >= REFRESH_AFTER_MS

    def committed(self, position: CommittedPosition) -> None:
        """A position was committed."""
        self._committed_offset = position.next_offset
        self._committed_as_of_ms = position.as_of_ms or _UNKNOWN

    # -- the check of `position_check`

    def to_check(self, next_offset: int) -> CommittedPosition:
        """Returns the position as it is checked: a snapshot that was asked for makes up for all deletes before it."""
        return CommittedPosition(next_offset, max(self._as_of_ms, self._asked_ms) or None)

    def check_due(self, now_ms: int) -> bool:
        """Whether the position was not checked for an hour: a partition that waits becomes too old as well."""
        return now_ms - self._checked_ms >= CHECK_AFTER_MS

    def checked(self, now_ms: int, *, asked: bool) -> None:
        """The position was checked; `asked`: and the table asked for."""
        self._checked_ms = now_ms
        if asked:
            self._asked_ms = now_ms
