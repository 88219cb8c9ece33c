"""
Which statement reads the rows of a table: a range of its primary key in key order, or single keys.

Statements select the columns that the stream would send, rows that the publication would send (rule S5), binary
where the transcoder reads a type in binary, else as text.

Keeps: S5.
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
