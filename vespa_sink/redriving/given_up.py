"""
Which rows were given up since the index lacks a field, by table and field (pure).

Bounded: where too many rows of a table wait for a field, their number is all that is known, and the table is read again
as a whole.

Keeps: V13.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from cdc_runtime.consuming.records import TopicPartition
from schemas.names import TableName

MOST_ROWS = 1000


@dataclass(frozen=True, slots=True, order=True)
class Lack:
    """A field (empty: it is not known which) that rows of a table have and the index lacks."""

    table: TableName
    field: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row's key, the partition that it came through, and the version that was given up."""

    partition: TopicPartition
    key: bytes
    version: int


@dataclass(slots=True)
class _Waiting:
    rows: dict[tuple[TopicPartition, bytes], Row] = field(default_factory=dict)
    uncounted: dict[TopicPartition, int] = field(default_factory=dict)  # beyond the bound


class GivenUp:
    """Told of dead letters, and of rows that wait no longer; `is_held`: of the partitions that are this member's."""

    def __init__(self, is_held: Callable[[TopicPartition], bool], most_rows: int | None = None) -> None:
        self._is_held = is_held
        self._most_rows = MOST_ROWS if most_rows is None else most_rows
        self._waiting: dict[Lack, _Waiting] = {}

    def note(self, lack: Lack, row: Row) -> bool:
        """A row was given up; True when it is the first for that reason."""
        first = lack not in self._waiting
        waiting = self._waiting.setdefault(lack, _Waiting())
        place = row.partition, row.key
        if place in waiting.rows or len(waiting.rows) < self._most_rows:
            waiting.rows[place] = row
        else:
            waiting.uncounted[row.partition] = waiting.uncounted.get(row.partition, 0) + 1
        return first

    def rows(self, lack: Lack) -> list[Row]:
        """Those that wait for a field in partitions that are held."""
        return [row for row in self._waiting[lack].rows.values() if self._is_held(row.partition)]

    def is_whole(self, lack: Lack) -> bool:
        """Whether there are more than are known, in partitions that are held."""
        return any(map(self._is_held, self._waiting[lack].uncounted))

    def forget(self, lack: Lack, rows: Collection[Row], *, whole: bool = False) -> None:
        """These need nothing more; `whole`: neither do those that are not known."""
        waiting = self._waiting[lack]
        for row in rows:
            if waiting.rows.get((row.partition, row.key)) == row:
                del waiting.rows[row.partition, row.key]
        if whole:
            waiting.uncounted = {each: n for each, n in waiting.uncounted.items() if not self._is_held(each)}
        if not waiting.rows and not waiting.uncounted:
            del self._waiting[lack]

    def counts(self) -> Mapping[Lack, int]:
        """How many wait, in partitions that are held."""
        return {lack: count for lack in self._waiting if (count := self._count(lack))}

    def __iter__(self) -> Iterator[Lack]:
        return iter(sorted(self.counts()))

    def _count(self, lack: Lack) -> int:
        beyond = self._waiting[lack].uncounted.items()
        return len(self.rows(lack)) + sum(count for partition, count in beyond if self._is_held(partition))
