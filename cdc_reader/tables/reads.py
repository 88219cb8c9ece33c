"""
How the rows of a captured table are read beside the stream: the columns that the stream would send, as it sends them.

Keeps: S5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cdc_reader.discovery.publication import quote_identifier, quote_table
from cdc_reader.postgres.key_order import KeyColumn
from cdc_reader.postgres.row_queries import ReadPlan
from cdc_reader.transcode import KnownTypes, TablePlan
from schemas.names import TableName
from schemas.tables import TableEntry


def read_plan(
    name: TableName,
    plan: TablePlan,
    key: tuple[KeyColumn, ...],
    *,
    row_filter: str | None,
    leaves: tuple[int, ...] | None = None,
    whole: bool = False,
) -> ReadPlan:
    """How the rows of a table, or of a leaf of it, are selected: the columns of its plan, most of them in binary.

    `leaves`: the OIDs of those that are streamed, where it is partitioned. `whole`: with all that is below it.
    """
    only = "ONLY " if leaves is None and not whole else ""
    return ReadPlan(
        relation=only + quote_table(name),
        columns=tuple(quote_identifier(column.name) for column in plan.columns),
        key=key,
        as_text=frozenset(quote_identifier(column.name) for column in plan.columns if not column.kind.binary),
        filter=row_filter,
        texts=frozenset(at for at, column in enumerate(plan.columns) if column.kind.text),
        leaves=leaves,
    )


def text_columns(
    entries: Iterable[TableEntry], published: Mapping[TableName, Sequence[str] | None], types: KnownTypes
) -> list[str]:
    """Columns, and their types, that are only read as text: while there is one, the stream is asked for text."""

    def only_text(type_oid: int) -> bool:
        kind = types.kind_of(type_oid)
        return kind.sent and not kind.binary

    return [
        f"{entry.name}.{column.name} ({column.type})"
        for entry in entries
        for column in entry.columns
        if not column.generated
        and (published.get(entry.name) is None or column.name in (published[entry.name] or ()))
        and only_text(column.values_type_oid)
    ]
