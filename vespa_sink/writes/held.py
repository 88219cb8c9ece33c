"""
Refused documents that are held: when each is sent again, and how many there are (pure).

A held write stands aside: nothing waits for it but the offsets behind its own (`write_order`). So there is a bound of
number and bytes. At the bound new documents wait, held ones are sent again as soon as may be, and one that was refused
many times is given up before its time.

Keeps: V13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cdc_runtime.backoff import Delays
from vespa_sink.intake.partitions import size_of
from vespa_sink.intake.topics import TopicType
from vespa_sink.writes.attempts import Attempt

_DELAYS = Delays(first_s=0.5, longest_s=15.0)
# A document that half of the containers take is refused so often in a row once in a thousand times.
_REFUSALS_AT_BOUND = 10


@dataclass(frozen=True, slots=True)
class HeldBounds:
    """The most that is held of one document type."""

    documents: int = 1000
    bytes: int = 8 * 1024 * 1024


class Held:
    """Attempts by the time when they are due; one that is sent again counts until it ends or is held once more."""

    def __init__(self, bounds: HeldBounds, uniform: Callable[[], float]) -> None:
        self._bounds = bounds
        self._uniform = uniform
        self._due: dict[Attempt, float] = {}
        self._sent: set[Attempt] = set()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._due) + len(self._sent)

    @property
    def full(self) -> bool:
        """Whether no more should be held."""
        return len(self) >= self._bounds.documents or self._bytes >= self._bounds.bytes

    @property
    def has_room(self) -> bool:
        """Whether documents of an open table may be tried: they must not fill the place of those of other tables."""
        return len(self) * 2 < self._bounds.documents and self._bytes * 2 < self._bounds.bytes

    def too_many(self, attempt: Attempt) -> bool:
        """Whether a document that was refused once more is one too many."""
        return self.full and attempt.refusals >= _REFUSALS_AT_BOUND

    def hold(self, attempt: Attempt, now: float) -> None:
        """Keep an attempt until it is due."""
        refusals = 1 if self.full else attempt.refusals
        if attempt in self._sent:
            self._sent.remove(attempt)
        else:
            self._bytes += size_of(attempt.write.content.record)
        self._due[attempt] = now + _DELAYS.after_s(refusals, self._uniform)

    def ended(self, attempt: Attempt) -> None:
        """An attempt needs nothing more; one that was never held is passed over."""
        if attempt in self._sent:
            self._sent.remove(attempt)
            self._bytes -= size_of(attempt.write.content.record)

    def hurry(self, now: float) -> None:
        """Everything is due: what refused it has changed, perhaps."""
        self._due = dict.fromkeys(self._due, now)

    def due(self, now: float, is_open: Callable[[TopicType], bool]) -> list[Attempt]:
        """Take out what is due, but of tables that are open."""
        return self._taken(
            attempt
            for attempt, due_at in self._due.items()
            if due_at <= now and not is_open(attempt.write.partition.topic_type)
        )

    def some_of(self, table: TopicType, count: int) -> list[Attempt]:
        """Take out the first of a table, due or not."""
        found = (attempt for attempt in self._due if attempt.write.partition.topic_type == table)
        return self._taken(attempt for attempt, _ in zip(found, range(count), strict=False))

    def _taken(self, attempts: Iterable[Attempt]) -> list[Attempt]:
        taken = list(attempts)
        for attempt in taken:
            del self._due[attempt]
        self._sent.update(taken)
        return taken
