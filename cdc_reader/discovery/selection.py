"""Which tables of the database are wanted: by default all of `public`, but for a few that are never data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schemas.errors import SettingsError
from schemas.names import PUBLIC, TableName

# Bookkeeping of the tools that keep the mirror: their rows mean nothing to a reader of the index.
DEFAULT_EXCLUDED = ("_prisma_migrations", "sync_events")


class PollingTables(Protocol):
    """Settings of polling (`cdc_reader.settings.PollingSettings`)."""

    @property
    def tables(self) -> Sequence[str]:
        """Tables that are polled, though they could be streamed."""


class SelectionSettings(Protocol):
    """The settings that say which tables are wanted, and how (`cdc_reader.settings`, `rowferry.settings`)."""

    @property
    def tables(self) -> Sequence[str]:
        """Tables to capture; empty: all of `public`."""

    @property
    def exclude(self) -> Sequence[str]:
        """Tables that are never captured."""

    @property
    def keys(self) -> Mapping[str, Sequence[str]]:
        """Columns that are the key of what has none of its own."""

    @property
    def polling(self) -> PollingTables:
        """What is polled."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The tables that are wanted.

    `tables` names them; None stands for all of `schemas` (None: of every schema). `exclude` always wins.
    `required`: a table that is named must exist. `keys` name the key of tables and views that have none of their own;
    `polled` are polled though they could be streamed.
    """

    tables: frozenset[TableName] | None = None
    exclude: frozenset[TableName] = frozenset(TableName(PUBLIC, name) for name in DEFAULT_EXCLUDED)
    schemas: frozenset[str] | None = frozenset({PUBLIC})
    required: bool = True
    keys: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)
    polled: frozenset[TableName] = frozenset()

    @classmethod
    def of(
        cls,
        tables: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        *,
        keys: Mapping[str, Sequence[str]] | None = None,
        polled: Sequence[str] = (),
    ) -> Selection:
        """The selection of four settings; tables are `table` or `schema.table`; None and empty: the defaults.

        Raises `SettingsError` for a name that is neither.
        """
        return cls(
            tables=frozenset(table_name(each, "tables") for each in tables) if tables else None,
            exclude=frozenset(
                table_name(each, "exclude") for each in (DEFAULT_EXCLUDED if exclude is None else exclude)
            ),
            keys={table_name(each, "keys"): tuple(columns) for each, columns in (keys or {}).items()},
            polled=frozenset(table_name(each, "polling.tables") for each in polled),
        )

    @classmethod
    def by(cls, settings: SelectionSettings) -> Selection:
        """The selection of these settings; raises `SettingsError` for what is no name of a table."""
        return cls.of(settings.tables, settings.exclude, keys=settings.keys, polled=settings.polling.tables)

    @classmethod
    def everything(cls) -> Selection:
        """Every table of every schema that is not the server's own."""
        return cls(exclude=frozenset(), schemas=None)

    def wants(self, name: TableName) -> bool:
        """Whether the table is wanted."""
        if name in self.exclude:
            return False
        if self.tables is not None:
            return name in self.tables
        return self.schemas is None or name.schema in self.schemas

    def why_not(self, name: TableName) -> str:
        """Why an unwanted table is left out, in words for the operator."""
        if name in self.exclude:
            return "excluded by the settings"
        return "not among the selected tables" if self.tables is not None else "outside the selected schemas"

    def require(self, names: Iterable[TableName]) -> None:
        """Raise `SettingsError` when a table named in `tables` is not among the `names` that exist."""
        missing = sorted(set(self.tables or ()) - self.exclude - set(names))
        if missing and self.required:
            raise SettingsError(
                expected="the tables of setting 'tables' to exist",
                found=f"none called {', '.join(map(str, missing))}",
                remedy="correct the names in 'tables', or create the tables first",
            )


def table_name(text: str, given_as: str) -> TableName:
    """Read `table` or `schema.table` (dots and percent signs inside a part percent-encoded).

    Raises `SettingsError` for anything else; `given_as` says where it was given.
    """
    parts = text.split(".")
    if len(parts) > 2 or not all(parts):
        raise SettingsError(f"{given_as}: expected a table as 'table' or 'schema.table', got {text!r}")
    return TableName.parse(text if len(parts) == 2 else f"{PUBLIC}.{text}")
