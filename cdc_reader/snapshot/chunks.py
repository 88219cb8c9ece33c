"""
What a chunk is and which statement reads it.

A chunk is a range of the primary key, read in key order from behind the last key done, bounded by rows; or a few
single keys that somebody asked to be read again. Statements select the columns that the stream would send, rows
that the publication would send (rule S5), binary where the transcoder reads a type in binary, else as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """How the rows of one table are selected. Names and types are quoted SQL; `filter` is the row filter's."""

    relation: str
    columns: tuple[str, ...]
    key_columns: tuple[str, ...]
    key_types: tuple[str, ...]
    filter: str | None = None

    def range_query(self, after: Sequence[str] | None, limit: int) -> str:
        """The next `limit` rows in key order behind the key `after` (PostgreSQL text; None: from the start)."""
        order = ", ".join(self._ordered(column, kind) for column, kind in self._keys())
        conditions = [f"({self.filter})"] if self.filter else []
        if after is not None:
            behind = ", ".join(
                self._ordered(f"{literal(part)}::{kind}", kind)
                for part, (_, kind) in zip(after, self._keys(), strict=True)
            )
            conditions.append(f"({order}) > ({behind})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._copy(f"{where} ORDER BY {order} LIMIT {limit:d}")

    def keys_query(self, keys: Sequence[Sequence[str]]) -> str:
        """The rows with these keys (PostgreSQL text)."""
        order = ", ".join(self.key_columns)
        wanted = ", ".join(f"({self._key(key)})" for key in keys)
        filtered = f"({self.filter}) AND " if self.filter else ""
        return self._copy(f" WHERE {filtered}({order}) IN ({wanted})")

    def _copy(self, rest: str) -> str:
        return f"COPY (SELECT {', '.join(self.columns)} FROM {self.relation}{rest}) TO STDOUT (FORMAT binary)"

    def _keys(self) -> list[tuple[str, str]]:
        return list(zip(self.key_columns, self.key_types, strict=True))

    @staticmethod
    def _ordered(expression: str, kind: str) -> str:
        """What rows are ordered and compared by: the same operators for both.

        A type of another schema than `public` may have operators that the search path does not find: its text does.
        """
        return f'({expression}::text COLLATE "C")' if "." in kind else expression

    def _key(self, key: Sequence[str]) -> str:
        return ", ".join(f"{literal(part)}::{kind}" for part, kind in zip(key, self.key_types, strict=True))


def literal(text: str) -> str:
    """A quoted SQL literal, whatever `standard_conforming_strings` says."""
    quoted = text.replace("'", "''")
    return " E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"


class ChunkSize:
    """How many rows to ask for: bounded by rows and by bytes, learnt from the chunk before (rule S3)."""

    __slots__ = ("_max_bytes", "_max_rows", "rows")
    FIRST_ROWS = 500  # before the width of a row is known

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self.rows = min(self.FIRST_ROWS, max_rows)

    def read(self, rows: int, size: int) -> None:
        """A chunk of `rows` rows took `size` bytes; the next one grows fourfold at most."""
        if rows:
            fitting = max(1, self._max_bytes * rows // max(size, 1))
            self.rows = max(1, min(self._max_rows, fitting, self.rows * 4))
