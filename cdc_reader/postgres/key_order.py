"""
The order of a table's primary key, as SQL: what orders rows, what continues behind a key, and what equals one.

All of it is by the operators of the btree operator class that the key's index has, named with their schemas: what the
search path finds may be others (rule S8). Columns are those of the relation `r`, so that no output column is meant.

Keeps: S8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operators:
    """Operators of one class with their schemas, as `OPERATOR()` takes them."""

    less: str
    equal: str
    at_least: str
    greater: str


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of the primary key; all is quoted SQL.

    `type` is what the text of a value is read as: the type under all domains, whose checks old rows may not pass.
    `operand` is what the operators take; `collation` what the column's texts are compared by.
    """

    name: str
    type: str
    operand: str
    operators: Operators
    collation: str | None = None

    @property
    def value(self) -> str:
        """The column as the operators take it."""
        collate = f" COLLATE {self.collation}" if self.collation else ""
        return f"r.{self.name}::{self.operand}{collate}"

    @property
    def order(self) -> str:
        """The column in ORDER BY."""
        return f"{self.value} USING OPERATOR({self.operators.less})"

    def literal(self, text: str) -> str:
        """A value of this column, from its text."""
        typed = f"{literal(text)}::{self.type}"
        return typed if self.type == self.operand else f"{typed}::{self.operand}"


def above(key: Sequence[KeyColumn], bounds: Sequence[str]) -> str:
    """The condition that a row's key lies above the `bounds`, by the operators that order it.

    Columns whose operators have one name are compared as a row, which an index scan can begin at.
    """
    values = [column.value for column in key]
    [*_, last] = key
    if all(column.operators.greater == last.operators.greater for column in key):
        return f"({', '.join(values)}) OPERATOR({last.operators.greater}) ({', '.join(bounds)})"
    condition = f"{values[-1]} OPERATOR({last.operators.greater}) {bounds[-1]}"
    for column, bound in reversed(list(zip(key[:-1], bounds[:-1], strict=True))):
        of, value = column.operators, column.value
        condition = (
            f"({value} OPERATOR({of.greater}) {bound} OR ({value} OPERATOR({of.equal}) {bound} AND {condition}))"
        )
    # The first column alone is what an index scan can begin at.
    return f"{values[0]} OPERATOR({key[0].operators.at_least}) {bounds[0]} AND {condition}"


def among(key: Sequence[KeyColumn], keys: Sequence[Sequence[str]]) -> str:
    """The condition that a row's key is one of these (PostgreSQL text)."""
    if len(key) == 1 and not key[0].type.endswith(("[]", "vector")):
        [column] = key
        texts = ", ".join(column.literal(text) for (text,) in keys)
        return f"{column.value} OPERATOR({column.operators.equal}) ANY (ARRAY[{texts}])"
    return "(" + " OR ".join(f"({_equal(key, each)})" for each in keys) + ")"


def _equal(key: Sequence[KeyColumn], texts: Sequence[str]) -> str:
    return " AND ".join(
        f"{column.value} OPERATOR({column.operators.equal}) {column.literal(text)}"
        for column, text in zip(key, texts, strict=True)
    )


def literal(text: str) -> str:
    """A quoted SQL literal, whatever `standard_conforming_strings` says."""
    quoted = text.replace("'", "''")
    return " E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"
