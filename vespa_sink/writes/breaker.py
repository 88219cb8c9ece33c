"""
Whether refusals (400, 413) are the documents' fault or the index's. One breaker for each document type.

While a schema is rolled out over several containers, some know a field that others refuse: no refusal, and no refused
probe, says anything for good. What passes meanwhile does, table by table.

Rule 1: a refusal is final only over time: when the document was refused for as long as a rollout takes, others of its
        table pass meanwhile. Where the table has hardly any others to show it, an accepted probe says it.
Rule 2: ten refused documents of a table since one of it was accepted open the breaker for that table: nothing of it is
        sent, and nothing given up. A table of which some pass goes on, whatever share of it is refused.
Rule 3: while no document of a table passes, the index is asked with a probe that has every field. One that is refused
        opens the breaker for every table with a refused document, until one is accepted.
Rule 4: an open table is tried after growing pauses; one document of it that is accepted closes the breaker for it.

Pure.

Keeps: V13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cdc_runtime.backoff import Delays
from vespa_sink.intake.topics import TopicType

_OPEN_DELAYS = Delays(first_s=0.4, longest_s=30.0)
_PROBE_HOLDS_S = 10.0  # an accepted probe speaks for the index this long


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to open, how long a refused document is tried again, and how many are held meanwhile."""

    in_a_row: int = 10
    rollout_s: float = 300.0
    max_held: int = 1000


@dataclass(frozen=True, slots=True)
class RefusedAt:
    """When a document was refused first: by the clock, and by the count of those of its table that had passed."""

    at: float
    passed: int


@dataclass(slots=True)
class _Table:
    passed: int = 0
    refused: int = 0  # documents that are held, none of the table accepted since they were refused
    openings: int = 0
    try_at: float = float("-inf")


class Breaker:
    """Counts by table what is accepted and refused; says what to send, when to probe, and what is final."""

    def __init__(self, thresholds: Thresholds, uniform: Callable[[], float]) -> None:
        self.thresholds = thresholds
        self._uniform = uniform
        self._tables: dict[TopicType, _Table] = {}
        self._refusing: set[TopicType] = set()  # tables with refused documents, none accepted since
        self._lacking = False  # the last probe was refused
        self._probes_refused = 0
        self._probe_at = float("-inf")
        self._sound_at = float("-inf")

    def accepted(self, table: TopicType) -> None:
        """A document of a table was written, or was already there in a newer version."""
        state = self._of(table)
        state.passed += 1
        if state.refused:
            state.refused = state.openings = 0
            self._refusing.discard(table)

    def refused(self, table: TopicType, now: float) -> RefusedAt:
        """A document was refused for the first time; keep what is returned with it."""
        state = self._of(table)
        state.refused += 1
        self._refusing.add(table)
        if state.refused == self.thresholds.in_a_row:
            self.tried(table, now)
        return RefusedAt(now, state.passed)

    def left(self, table: TopicType, refused_at: RefusedAt) -> None:
        """A refused document needs nothing more: it was given up, or a newer one has taken its place."""
        state = self._of(table)
        if state.refused and refused_at.passed == state.passed:
            state.refused -= 1
            if not state.refused:
                self._refusing.discard(table)

    def is_open(self, table: TopicType) -> bool:
        """Whether nothing of a table may be sent."""
        state = self._tables.get(table)
        return state is not None and self._is_open(state)

    def open_tables(self) -> Iterator[TopicType]:
        """The tables of which nothing may be sent."""
        return (table for table in self._refusing if self.is_open(table))

    def final(self, table: TopicType, refused_at: RefusedAt, now: float, *, others: int = 1) -> bool:
        """Whether a document that was refused again is given up; `others`: how many of its table must have passed."""
        if not self.is_over(table, refused_at, now):
            return False
        return self._of(table).passed >= refused_at.passed + others or (others == 1 and self._known_sound(now))

    def is_over(self, table: TopicType, refused_at: RefusedAt, now: float) -> bool:
        """Whether a rollout would be over since then, and the table is not open."""
        return not self._is_open(self._of(table)) and now - refused_at.at >= self.thresholds.rollout_s

    def to_try(self, now: float) -> list[TopicType]:
        """Open tables of which some documents may be sent now, to see whether they pass."""
        return [] if self._lacking else [each for each in self.open_tables() if now >= self._of(each).try_at]

    def tried(self, table: TopicType, now: float) -> None:
        """Some documents of an open table are sent."""
        state = self._of(table)
        state.openings += 1
        state.try_at = now + _OPEN_DELAYS.after_s(state.openings, self._uniform)

    def probe_due(self, now: float) -> bool:
        """Whether it is time to ask the index: nothing passes of a table with refused documents."""
        return bool(self._refusing) and now >= self._probe_at and (self._lacking or not self._known_sound(now))

    def probe_accepted(self, now: float) -> None:
        """The index has the type and every field: what was refused may be tried at once."""
        self._sound_at = now
        self._probes_refused = 0
        if self._lacking:
            self._lacking = False
            for table in self._refusing:
                self._of(table).try_at = now

    def probe_refused(self, now: float) -> None:
        """The index, or one container of it, lacks something: ask again after a pause."""
        self._sound_at = float("-inf")
        self._lacking = bool(self._refusing)
        self._probes_refused += 1
        self._probe_at = now + _OPEN_DELAYS.after_s(self._probes_refused, self._uniform)

    def probe_failed(self, now: float) -> None:
        """The probe got no answer that says anything: ask again later."""
        self._probe_at = now + _OPEN_DELAYS.after_s(self._probes_refused + 1, self._uniform)

    def _known_sound(self, now: float) -> bool:
        return not self._lacking and now - self._sound_at < _PROBE_HOLDS_S

    def _is_open(self, state: _Table) -> bool:
        return bool(state.refused) and (self._lacking or state.refused >= self.thresholds.in_a_row)

    def _of(self, table: TopicType) -> _Table:
        state = self._tables.get(table)
        if state is None:
            state = self._tables[table] = _Table()
        return state
