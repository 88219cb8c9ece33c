"""
How current a committed position is.

With every committed offset goes `as_of`: a time before which everything that was written has been read; the id of its
topic; and, where it has any, the id of the topics that its results are in. What follows from an old one is decided in
`missed_deletes`, from another topic in `topic_lives`. Pure; times are milliseconds of the wall clock.

Rule 1: a position without a known time (another program committed it) stays unknown until a record or the end is read.
Rule 2: a position is as current as now only at the end of its log, with nothing open. A partition that waits is not
        fetched: where it ends is not known then (`end_offset` is None).
Rule 3: a position that has become more current by an hour is committed although it has not moved, so that the age of
        an idle partition stays true; and so is one whose results are in other topics.

Keeps: V7, V11.
"""

from __future__ import annotations

from dataclasses import dataclass

_AS_OF, _TOPIC_ID, _RESULTS_ID = "as_of_ms", "topic_id", "results_id"
REFRESH_AFTER_MS = 60 * 60 * 1000
CHECK_AFTER_MS = 60 * 60 * 1000
_UNKNOWN = 0
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class CommittedPosition:
    """
    A committed position.

    `as_of_ms` is None when another program committed it; `topic_id` and `results_id` also when an older release did.
    """

    next_offset: int
    as_of_ms: int | None
    topic_id: str | None = None
    results_id: str | None = None

    @property
    def metadata(self) -> str:
        """The text that is committed with the offset, of what is known."""
        known = {_AS_OF: self.as_of_ms, _TOPIC_ID: self.topic_id, _RESULTS_ID: self.results_id}
        return ";".join(f"{name}={value}" for name, value in known.items() if value is not None)

    @classmethod
    def read(cls, next_offset: int, text: str | None) -> CommittedPosition:
        """A committed offset with its text; of the text of another program nothing is known."""
        known = dict(each.partition("=")[::2] for each in (text or "").split(";"))
        as_of = known.get(_AS_OF, "")
        as_of_ms = int(as_of) or None if as_of.isdecimal() and len(as_of) <= _MOST_DIGITS else None
        return cls(next_offset, as_of_ms, known.get(_TOPIC_ID) or None, known.get(_RESULTS_ID) or None)


class PositionAge:
    """The age of the position of one partition, for as long as it is assigned to us; `begin` comes first."""

    __slots__ = (
        "_as_of_ms",
        "_asked_ms",
        "_checked_ms",
        "_committed_as_of_ms",
        "_committed_offset",
        "_committed_results_id",
        "written_ms",
    )

    def __init__(self) -> None:
        self._as_of_ms = self._committed_as_of_ms = _UNKNOWN
        self._committed_offset: int | None = None
        self._committed_results_id: str | None = None
        self.written_ms = 0  # when the last record was written that was read
        self._checked_ms = self._asked_ms = 0

    def begin(self, committed: CommittedPosition | None, now_ms: int) -> None:
        """Start as current as the committed position says; without one, now."""
        if committed is None:
            self._as_of_ms, self._committed_as_of_ms = now_ms, _UNKNOWN
        else:
            self._as_of_ms = self._committed_as_of_ms = committed.as_of_ms or _UNKNOWN
            self._committed_offset, self._committed_results_id = committed.next_offset, committed.results_id

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

    def due(self, next_offset: int, results_id: str | None = None) -> bool:
        """Whether the position should be committed: it has moved, its committed age is stale, its results moved."""
        moved = (next_offset, results_id) != (self._committed_offset, self._committed_results_id)
        return moved or self._as_of_ms - self._committed_as_of_ms >= REFRESH_AFTER_MS

    def committed(self, position: CommittedPosition) -> None:
        """A position was committed."""
        self._committed_offset, self._committed_results_id = position.next_offset, position.results_id
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
