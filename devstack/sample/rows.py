"""
The rows of the sample database, as pure functions of (seed, factor, table, row number).

Rule 1: a row depends on nothing but those four, so rows may be made in any order and again.
Rule 2: a declared reference always meets a row of the load; an implied one does too.
Rule 3: a link depends on the object store besides; nothing else does.
Rule 4: the rows 2, 3, ... hold the `rare` values of their columns, at every factor that has so many rows.

Values are PostgreSQL's text, None for NULL. Loading them is left to `load`, changing them to `workload`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from devstack.sample.draws import Draws, mix, seed_of
from devstack.sample.model import Column, Fill, ForeignKey, Table, implied_target
from devstack.sample.objects import links
from devstack.sample.objects.links import ObjectStore
from devstack.sample.tables import ALL
from devstack.sample.values import as_uuid

Value = str | None
Row = tuple[Value, ...]
_Producer = Callable[[Draws, int], Value]

_FIRST_RARE_ROW = 2
_COUNTED = frozenset({"smallint", "integer", "bigint"})


@dataclass(frozen=True, slots=True)
class Size:
    """What decides the content of a sample: the seed of its values and the factor of its row counts."""

    seed: int = 1
    factor: float = 1.0


class Sample:
    """The rows of every table of a sample of one size; without a store its links lead nowhere."""

    def __init__(self, size: Size, store: ObjectStore | None = None) -> None:
        self._size = size
        self._store = store
        self._tables: Mapping[str, Table] = {table.name: table for table in ALL}
        self._keys: dict[str, list[tuple[str, ...]]] = {}
        self._producers: dict[str, tuple[_Producer, ...]] = {}

    def table(self, name: str) -> Table:
        """Return the description of the table; KeyError when there is none of that name."""
        return self._tables[name]

    def count(self, name: str) -> int:
        """Return how many rows the table is loaded with, 1 at least."""
        table = self._tables[name]
        wanted = max(1, round(table.rows * self._size.factor))
        if (pair := self._pair(table)) is None:
            return wanted
        return min(wanted, self.count(pair[0]) * self.count(pair[1]))

    def key(self, name: str, number: int) -> tuple[str, ...]:
        """Return the primary key of the table's row of that number, by column."""
        keys = self._keys.get(name)
        if keys is None:
            keys = self._keys[name] = [self._make_key(name, each) for each in range(self.count(name))]
        return keys[number] if number < len(keys) else self._make_key(name, number)

    def row(self, name: str, number: int) -> Row:
        """Return the values of the table's stored columns for the row of that number; it may lie beyond the load."""
        producers = self._producers.get(name)
        if producers is None:
            table = self._tables[name]
            producers = tuple(self._producer(table, column) for column in table.stored_columns)
            self._producers[name] = producers
        draws = Draws(mix(seed_of(self._size.seed, name), number))
        return tuple([produce(draws, number) for produce in producers])

    def value(self, name: str, column: str, number: int) -> str:
        """Return a value for a column that refers to no row: never NULL, and following from the number alone."""
        table = self._tables[name]
        produced = self._plain_producer(table, table.column(column))(Draws(number), number)
        assert produced is not None
        return produced

    def rows(self, name: str) -> Iterator[Row]:
        """Yield the rows that the table is loaded with."""
        for number in range(self.count(name)):
            yield self.row(name, number)

    def _pair(self, table: Table) -> tuple[str, str] | None:
        """Return the tables that a key made of two references refers to."""
        targets = [table.column(name).target for name in table.primary_key]
        return (targets[0], targets[1]) if len(targets) == 2 and all(targets) else None

    def _make_key(self, name: str, number: int) -> tuple[str, ...]:
        table = self._tables[name]
        if (pair := self._pair(table)) is not None:
            firsts, seconds = self.count(pair[0]), self.count(pair[1])
            first = number % firsts
            second = (number // firsts + first * 13) % seconds
            return (*self.key(pair[0], first), *self.key(pair[1], second))
        return tuple(self._key_part(table, table.column(part), number) for part in table.primary_key)

    def _key_part(self, table: Table, column: Column, number: int) -> str:
        if column.fill is not None:
            return column.fill(Draws(number), number)
        if column.base_type in _COUNTED:
            return str(table.first_key + number)
        seed = seed_of(self._size.seed, table.name, column.name)
        return as_uuid(mix(seed, number), mix(seed + 1, number))

    def _producer(self, table: Table, column: Column) -> _Producer:
        produce = self._plain_producer(table, column)
        if column.nulls_percent and column.name not in table.primary_key:
            produce = partial(_or_null, column.nulls_percent, produce)
        return partial(_or_rare, column.rare, produce) if column.rare else produce

    def _plain_producer(self, table: Table, column: Column) -> _Producer:
        if column.name in table.primary_key:
            part = table.primary_key.index(column.name)
            return lambda _, number: self.key(table.name, number)[part]
        for reference in table.composite_references:
            if column.name in reference.columns:
                return self._composite_part(table, reference, reference.columns.index(column.name))
        if (link := column.link) is not None:
            return lambda draws, number: links.text(link(draws, number), self._store)
        if column.fill is not None:
            return _plain(column.fill)
        target = column.target or implied_target(table, column, self._tables)
        if target is None:
            raise ValueError(f"expected a way to fill {table.name}.{column.name}, got none")
        if target == table.name:
            return self._parent(target)
        count = self.count(target)
        return lambda draws, _: self.key(target, draws.below(count))[0]

    def _parent(self, name: str) -> _Producer:
        """Refer to an earlier row of the same table, so that parents form a tree."""
        count = self.count(name)
        return lambda draws, number: self.key(name, draws.below(min(number, count)))[0] if number else None

    def _composite_part(self, table: Table, reference: ForeignKey, part: int) -> _Producer:
        """Refer to a row that follows from the row's number, so that the parts of the reference agree."""
        seed, count = seed_of(self._size.seed, table.name, *reference.columns), self.count(reference.target)
        return lambda _, number: self.key(reference.target, mix(seed, number) % count)[part]


def _plain(fill: Fill) -> _Producer:
    return fill


def _or_null(percent: int, produce: _Producer, draws: Draws, number: int) -> Value:
    return None if draws.below(100) < percent else produce(draws, number)


def _or_rare(rare: tuple[Value, ...], produce: _Producer, draws: Draws, number: int) -> Value:
    place = number - _FIRST_RARE_ROW
    return rare[place] if 0 <= place < len(rare) else produce(draws, number)
