"""
What the documents of a table must be like, derived independently from the catalog (pure).

The rules are those of the contract, written a second time on purpose: a mistake in the product's discovery or
mapping shows as a difference instead of being made twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from schemas.tables import FileColumn

# PostgreSQL's names of the types that can refer to each other by a column's name alone.
_ALIKE = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "uuid": "uuid",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One relation to read rows from: a table, or a leaf of it; `oid` is its own.

    `filtered_by`: the member (OID) with its row filter. `has_tableoid`: its rows say which relation they are of.
    """

    schema: str
    name: str
    oid: int
    filtered_by: int | None = None
    has_tableoid: bool = True


@dataclass(frozen=True, slots=True)
class Described:
    """
    A table as the catalog describes it: columns (name -> type name, under domains), key, what to read.

    `file_columns`: those of the carried columns that refer to files, by the rule that all parts share.
    """

    schema: str
    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    carried: tuple[str, ...]
    readings: tuple[Reading, ...]
    file_columns: tuple[FileColumn, ...] = ()

    @property
    def called(self) -> str:
        """The table's name in documents: without its schema when that is `public`; separators are encoded."""
        name = _encoded(self.name)
        return name if self.schema == "public" else f"{_encoded(self.schema)}.{name}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: columns of one table paired with columns of another, tables by position in the list."""

    table: int
    columns: tuple[str, ...]
    target: int | None
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parent:
    """What a row refers to. `spelled`: our columns in the order of the target's key; None when not its key."""

    label: str
    columns: tuple[str, ...]
    target: str
    spelled: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Shape:
    """A table and the parents that its documents must name."""

    table: Described
    parents: tuple[Parent, ...] = field(default=())


def shapes(tables: Sequence[Described], references: Iterable[Reference]) -> list[Shape]:
    """The shapes of the given tables; references whose target is not among them (None) only bar implied ones."""
    parents: list[list[Parent]] = [[] for _ in tables]
    taken: list[set[str]] = [set() for _ in tables]
    for reference in references:
        taken[reference.table].update(reference.columns)
        if reference.target is not None:
            parents[reference.table].append(_declared(reference, tables[reference.target]))
    places = {(table.schema, table.name): table for table in tables}
    for table, known, used in zip(tables, parents, taken, strict=True):
        for column, kind in table.columns.items():
            if column not in used and (column,) != table.key:
                known.extend(_implied(table, column, kind, places))
    return [Shape(table, tuple(known)) for table, known in zip(tables, parents, strict=True)]


def _declared(reference: Reference, target: Described) -> Parent:
    ours = dict(zip(reference.target_columns, reference.columns, strict=True))
    whole = len(ours) == len(target.key) and all(name in ours for name in target.key)
    spelled = tuple(ours[name] for name in target.key) if whole else None
    columns = spelled or reference.columns
    return Parent(",".join(columns), columns, target.called, spelled)


def _implied(table: Described, column: str, kind: str, places: Mapping[tuple[str, str], Described]) -> Iterable[Parent]:
    stem, found, rest = column.rpartition("_id")
    if not found or rest:
        return
    names = [stem, stem + "s", stem[:-1] + "ies" if stem[-1:] == "y" else "", stem + "es"]
    for name in [table.name] if stem == "parent" else names:
        target = places.get((table.schema, name))
        if target is None or len(target.key) != 1 or kind not in _ALIKE:
            continue
        if _ALIKE[kind] == _ALIKE.get(target.columns[target.key[0]]):
            yield Parent(column, (column,), target.called, (column,))
            return


def for_files(found: Iterable[Shape]) -> list[Shape]:
    """The shapes that have file columns, to be read without the columns that no file needs."""
    return [
        replace(shape, table=replace(shape.table, carried=_needed_for_files(shape.table)))
        for shape in found
        if shape.table.file_columns
    ]


def _needed_for_files(table: Described) -> tuple[str, ...]:
    needed = {*table.key, *(each.column for each in table.file_columns)}
    return tuple(name for name in table.carried if name in needed)


@lru_cache(maxsize=4096)
def _encoded(name: str) -> str:
    """Percent signs and what separates the parts of ids are encoded, as are spaces and control characters."""
    return "".join("".join(f"%{byte:02X}" for byte in char.encode()) if _separates(char) else char for char in name)


def _separates(char: str) -> bool:
    return char in "%.,/\\" or char <= " " or not char.isascii() or char == "\x7f"
