"""Which tables of the database are wanted: by default all of `public`, but for a few that are never data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.errors import SettingsError
from schemas.names import PUBLIC, TableName

# Bookkeeping of the tools that keep the mirror: their rows mean nothing to a reader of the index.
DEFAULT_EXCLUDED = ("_prisma_migrations", "sync_events")


@dataclass(frozen=True, slots=True)
class Selection:
    """The tables that are wanted.

    `tables` names them; None stands for all of `schemas` (None: of every schema). `exclude` always wins.
    `required`: a table that is named must exist.
    """

    tables: frozenset[TableName] | None = None
    exclude: frozenset[TableName] = frozenset(TableName(PUBLIC, name) for name in DEFAULT_EXCLUDED)
    schemas: frozenset[str] | None = frozenset({PUBLIC})
    required: bool = True

    @classmethod
    def of(cls, tables: Sequence[str] | None = None, exclude: Sequence[str] | None = None) -> Selection:
        """The selection of two settings, lists of `table` or `schema.table`; None and empty: the defaults.

        Raises `SettingsError` for a name that is neither.
        """
        return cls(
            tables=frozenset(table_name(each, "tables") for each in tables) if tables else None,
            exclude=frozenset(
                table_name(each, "exclude") for each in (DEFAULT_EXCLUDED if exclude is None else exclude)
            ),
        )

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
