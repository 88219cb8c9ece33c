"""What was found out of the tables' rows, as values (pure): counts and shapes, no value of a row but in first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import RowferryError
from schemas.names import TableName


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server knows of a relation without reading it. `live_rows`: by its statistics; 0 where it has none."""

    blocks: int
    live_rows: int
    populated: bool = True
    locked: bool = False


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """
    What the values of a column in the sampled rows are like. `filled`: neither NULL nor empty.

    `keys`: of a column that refers to files by its name, how many references it holds; of another one, how many
    values are keys of files, or maps of them, and `urls` how many are addresses of files.
    """

    filled: int = 0
    urls: int = 0
    keys: int = 0
    largest_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TableSample:
    """The rows that were looked at, and their columns. `whole`: there are no others.

    `blocks` hold the rows, of `all_blocks`; None where that says nothing.
    """

    rows: int
    columns: Mapping[str, ColumnSample] = field(default_factory=dict)
    whole: bool = False
    blocks: int | None = None
    all_blocks: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted in a table: its rows, and the references in each of its file columns."""

    rows: int
    references: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Contents:
    """What was read beside the catalog; nothing of a table that is not in the mappings.

    `facts` by OID, of leaves too; None: no statistics are wanted. `missed`: tables whose rows were not looked at, and
    why. `uncounted`: tables whose exact count was asked for and not had in time. `failed`: tables that cannot be read.
    """

    facts: Mapping[int, Facts] | None = None
    sampled: dict[TableName, TableSample] = field(default_factory=dict)
    missed: dict[TableName, str] = field(default_factory=dict)
    counted: dict[TableName, Counted] = field(default_factory=dict)
    uncounted: dict[TableName, str] = field(default_factory=dict)
    first_rows: dict[TableName, Sequence[Mapping[str, Any]]] | None = None
    failed: dict[TableName, RowferryError] = field(default_factory=dict)
