"""
Which columns refer to files (pure): those whose name and type say so, and those whose values look like it.

Files are fetched of the first alone; the second are told, so that nobody overlooks them. A column counts among them
when nine of ten values that are not empty, and five at least, are places of files: addresses or keys with the ending of
a file name, or JSON objects of such.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_reader.discovery.catalog_rows import ColumnRow, TableRow
from rowferry.discover.facts import ColumnSample, Contents
from schemas.file_references import FileKind, file_column

BY_NAME = "name"
BY_VALUES = "values"
_FEWEST_VALUES = 5
_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column that refers to files, how it was found, and what was seen of its values (None: nothing)."""

    column: str
    kind: FileKind
    pattern: str
    found_by: str
    sample: ColumnSample | None

    @property
    def looks_wrong(self) -> bool:
        """Whether none of its values refers to a file, though its name says so and some were seen."""
        if self.found_by != BY_NAME:
            return False
        return self.sample is not None and self.sample.filled >= _FEWEST_VALUES and not self.sample.keys


def file_columns(table: TableRow, contents: Contents) -> tuple[FoundColumn, ...]:
    """The columns of a table that refer to files, in their order."""
    sample = contents.sampled.get(table.name)
    columns = sample.columns if sample else {}
    found = (_found(column, columns.get(column.name)) for column in table.relation.columns)
    return tuple(each for each in found if each is not None)


def _found(column: ColumnRow, sample: ColumnSample | None) -> FoundColumn | None:
    kind = column.base_type or column.type
    if (named := file_column(column.name, kind)) is not None:
        return FoundColumn(column.name, FileKind(named.kind), named.pattern, BY_NAME, sample)
    if sample is None or sample.filled < _FEWEST_VALUES:
        return None
    if sample.keys >= _SHARE * sample.filled:
        is_map = kind in ("json", "jsonb")
        shape = (FileKind.JSONB_S3_MAP, "values: maps of keys") if is_map else (FileKind.S3_KEY, "values: keys")
    elif sample.urls >= _SHARE * sample.filled:
        shape = FileKind.URL, "values: addresses"
    else:
        return None
    return FoundColumn(column.name, *shape, BY_VALUES, sample)
