"""
What a sample table is: columns, keys, references and how its values are made; and what follows from that.

The relationships and file columns are counted here from the description alone, by the naming rules of the
product's discovery, but with code of their own, so that the two can check each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from devstack.sample.draws import Draws
from devstack.sample.objects.links import Link

Fill = Callable[[Draws, int], str]
"""Makes a value, as PostgreSQL's text, for the row of that number."""

_INTEGERS = frozenset({"smallint", "integer", "bigint"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sample table. `fill` is None where a `link`, the database or a reference gives the value."""

    name: str
    type: str
    fill: Fill | None = None
    nulls_percent: int = 0
    comment: str = ""
    default: str = ""
    generated: str = ""
    # Literal values of the rows 2, 3, ...: edge cases that must be there at any factor.
    rare: tuple[str | None, ...] = ()
    # The table whose primary key a constraint of this column refers to, and what the constraint does on changes there.
    target: str = ""
    actions: str = ""
    # Whether the text may be hundreds of kilobytes long, stored out of line.
    large: bool = False
    # Makes a link to a file; its text depends on where the files are.
    link: Callable[[Draws, int], Link] | None = None

    @property
    def base_type(self) -> str:
        """The type without its modifiers: `varchar` of `varchar(40)`."""
        return self.type.partition("(")[0]


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A declared reference of `columns` to the primary key of `target`."""

    columns: tuple[str, ...]
    target: str
    actions: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A sample table and how many rows it has at factor 1."""

    name: str
    comment: str
    rows: int
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ("id",)
    composite_references: tuple[ForeignKey, ...] = ()
    first_key: int = 1
    replica_identity_full: bool = False

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """Every declared reference, those of one column first."""
        single = (ForeignKey((column.name,), column.target, column.actions) for column in self.columns if column.target)
        return (*single, *self.composite_references)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that a row is written with: all but the generated ones."""
        return tuple(column for column in self.columns if not column.generated)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A reference between tables: by a constraint (`declared`), or by nothing but the name of a column."""

    table: str
    columns: tuple[str, ...]
    target: str
    declared: bool


FileKind = Literal["s3_key", "url", "jsonb_s3_map"]


def relationships(tables: Sequence[Table]) -> list[Relationship]:
    """Return the declared and implied relationships of `tables`, table by table."""
    by_name = {table.name: table for table in tables}
    found: list[Relationship] = []
    for table in tables:
        found += (Relationship(table.name, key.columns, key.target, declared=True) for key in table.foreign_keys)
        declared = {name for key in table.foreign_keys for name in key.columns}
        for column in table.columns:
            if column.name in declared or table.primary_key == (column.name,):
                continue
            if (target := implied_target(table, column, by_name)) is not None:
                found.append(Relationship(table.name, (column.name,), target, declared=False))
    return found


def implied_target(table: Table, column: Column, tables: Mapping[str, Table]) -> str | None:
    """Return the table that a column refers to by its name (`<x>_id`), if there is such a table with a fitting key."""
    if not column.name.endswith("_id"):
        return None
    for name in _candidates(table.name, column.name.removesuffix("_id")):
        target = tables.get(name)
        if target is not None and len(target.primary_key) == 1:
            key = target.column(target.primary_key[0])
            if (family := _family(key)) is not None and family == _family(column):
                return name
    return None


def file_columns(tables: Sequence[Table]) -> list[tuple[str, str, FileKind]]:
    """Return (table, column, kind) of each column that refers to files by its name and type."""
    return [
        (table.name, column.name, kind)
        for table in tables
        for column in table.columns
        if (kind := _file_kind(column)) is not None
    ]


def _candidates(own: str, stem: str) -> Iterator[str]:
    if stem == "parent":
        yield own
        return
    yield stem
    yield stem + "s"
    if stem.endswith("y"):
        yield stem[:-1] + "ies"
    yield stem + "es"


def _family(column: Column) -> str | None:
    if column.base_type in _INTEGERS:
        return "integer"
    if column.base_type in {"text", "varchar"}:
        return "text"
    return "uuid" if column.base_type == "uuid" else None


def _file_kind(column: Column) -> FileKind | None:
    name = column.name
    if _family(column) == "text":
        if name == "s3_key" or name.endswith("_s3_key"):
            return "s3_key"
        if name == "url" or name.endswith("_url"):
            return "url"
    if column.base_type in {"json", "jsonb"} and name.endswith(("_s3_keys", "_s3_key_map")):
        return "jsonb_s3_map"
    return None
