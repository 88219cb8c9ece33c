"""
Which statement reads the rows of a table: a range of its primary key in key order, or single keys.

Statements select the columns that the stream would send, rows that the publication would send (rule S5), binary
where the transcoder reads a type in binary, else as text. With each row of a range the server says whether its key
lies above the one before it, and above what the range begins behind (rule S8).

A partitioned table holds rows of leaves that are not streamed (yet): nobody would ever be told that such a row is gone
(rule D3). In a range the server says of each row whether its leaf is streamed, and the reader drops the others: a
condition would have each chunk go through the whole of such a leaf for rows that it lets pass.

Keeps: D3, S5, S8.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cdc_reader.postgres.key_order import KeyColumn, above, among

_COUNT = struct.Struct(">h")
_TRUE = b"\x00\x00\x00\x01\x01"  # the boolean `true`, as the last field of a row
_LEAF = "tableoid"  # no column of a table may be called so


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """How the rows of one table are selected. Names are quoted SQL; `filter` is the row filter's.

    `as_text` are the columns that are read as their type's output function prints them; `texts` the indexes of these
    and of those whose binary form is text. `leaves` are the OIDs of the leaves that are streamed, of a partitioned
    table; None for any other.
    """

    relation: str
    columns: tuple[str, ...]
    key: tuple[KeyColumn, ...]
    as_text: frozenset[str] = frozenset()
    filter: str | None = None
    texts: frozenset[int] = frozenset()
    leaves: tuple[int, ...] | None = None

    @property
    def order(self) -> str:
        """What rows are ordered by: a scan goes on only by the same order."""
        return ", ".join(column.order for column in self.key)

    def range_query(self, after: Sequence[str] | None, limit: int) -> str:
        """The next `limit` rows in key order behind the key `after` (PostgreSQL text; None: from the start).

        Each row has a last field more, that of a partitioned table two: see `confirmed` and `streamed`. What confirms
        the order compares rows in the order in which they come out.
        """
        bounds = None if after is None else [column.literal(text) for column, text in zip(self.key, after, strict=True)]
        conditions = [f"({self.filter})"] if self.filter else []
        if bounds is not None:
            conditions.append(f"({above(self.key, bounds)})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = f"SELECT {self._names()} FROM {self.relation} AS r{where} ORDER BY {self.order} LIMIT {limit:d}"
        word = [] if self.leaves is None else [self._streamed()]
        told = [self._selected(), *word, self._in_order(bounds)]
        return _copy(f"SELECT {', '.join(told)} FROM ({rows}) AS r")

    def keys_query(self, keys: Sequence[Sequence[str]]) -> str:
        """The rows with these keys (PostgreSQL text)."""
        filtered = f"({self.filter}) AND " if self.filter else ""
        rows = f"FROM {self.relation} AS r WHERE {filtered}{among(self.key, keys)}"
        if self.leaves is not None:
            # OFFSET 0: the planner would ask it of each leaf, for a second where there are a thousand.
            rows = f"FROM (SELECT {self._names()} {rows} OFFSET 0) AS r WHERE {self._streamed()}"
        return _copy(f"SELECT {self._selected()} {rows}")

    def _names(self) -> str:
        """What is read below what is sent."""
        leaf = [] if self.leaves is None else [_LEAF]
        return ", ".join(f"r.{name}" for name in (*self.columns, *leaf))

    def _streamed(self) -> str:
        """Whether a row's leaf is streamed, of a partitioned table."""
        leaves = ",".join(map(str, self.leaves or ()))
        return f"r.{_LEAF} OPERATOR(pg_catalog.=) ANY ('{{{leaves}}}'::pg_catalog.oid[])"

    def _selected(self) -> str:
        return ", ".join(_as_sent(f"r.{name}") if name in self.as_text else f"r.{name}" for name in self.columns)

    def _in_order(self, bounds: Sequence[str] | None) -> str:
        """Whether a row's key lies above that of the row before it, or above the bounds."""
        if bounds is None:
            before = [f"lag({column.value}) OVER ()" for column in self.key]
            return f"(row_number() OVER () = 1 OR ({above(self.key, before)}))"
        before = [f"lag({column.value}, 1, {bound}) OVER ()" for column, bound in zip(self.key, bounds, strict=True)]
        return f"({above(self.key, before)})"


def confirmed(rows: Sequence[bytes]) -> list[bytes] | None:
    """The copied rows of a range without the server's word on their order; None when it does not confirm one."""
    if not all(row.endswith(_TRUE) for row in rows):
        return None
    return _without_last(rows)


def streamed(rows: Sequence[bytes]) -> tuple[list[bytes], list[bool]]:
    """The confirmed rows of a partitioned table without the server's word on their leaves, and that word of each."""
    return _without_last(rows), [row.endswith(_TRUE) for row in rows]


def _without_last(rows: Sequence[bytes]) -> list[bytes]:
    """Rows without their last field, a boolean that is not null."""
    if not rows:
        return []
    count = _COUNT.pack(_COUNT.unpack_from(rows[0])[0] - 1)
    return [count + row[_COUNT.size : -len(_TRUE)] for row in rows]


def _copy(query: str) -> str:
    return f"COPY ({query}) TO STDOUT (FORMAT binary)"


def _as_sent(column: str) -> str:
    """A column as its type's output function prints it, as in the stream.

    A cast to text is something else for inet, booleans under a domain and others. `IS DISTINCT FROM`, since a
    composite value with a null in it is not `IS NOT NULL`.
    """
    return f"CASE WHEN {column} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {column}) END"
