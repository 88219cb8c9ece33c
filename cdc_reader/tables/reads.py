"""
How the rows of a captured table are read beside the stream: the columns that the stream would send, as it sends them.

Keeps: S5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cdc_reader.discovery.publication import quote_identifier, quote_table
from cdc_reader.postgres.row_queries import ReadPlan
from cdc_reader.transcode import TablePlan, kind_of
from schemas.names import TableName
from schemas.tables import TableEntry


def read_plan(entry: TableEntry, plan: TablePlan, *, row_filter: str | None, partitioned: bool) -> ReadPlan:
    """How the rows of a table are selected: the columns of its plan, binary where the transcoder reads them so."""
    only = "" if partitioned else "ONLY "
    types = {column.name: column.type for column in entry.columns}
    return ReadPlan(
        relation=only + quote_table(entry.name),
        columns=tuple(
            quote_identifier(column.name) if column.kind.binary else _as_sent(quote_identifier(column.name))
            for column in plan.columns
        ),
        key_columns=tuple(quote_identifier(name) for name in entry.primary_key),
        key_types=tuple(types[name] for name in entry.primary_key),
        filter=row_filter,
    )


def _as_sent(column: str) -> str:
    """A column as its type's output function prints it, as in the stream.

    A cast to text is something else for inet, booleans under a domain and others. `IS DISTINCT FROM`, since a
    composite value with a null in it is not `IS NOT NULL`.
    """
    return f"CASE WHEN {column} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {column}) END"


def text_columns(entries: Iterable[TableEntry], published: Mapping[TableName, Sequence[str] | None]) -> list[str]:
    """Columns of types that are only read as text: while there is one, the stream is asked for text."""
    return [
        f"{entry.name}.{column.name}"
        for entry in entries
        for column in entry.columns
        if not column.generated
        and (published.get(entry.name) is None or column.name in (published[entry.name] or ()))
        and not kind_of(column.type_oid).binary
    ]
