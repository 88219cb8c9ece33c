"""
What an administrator does so that a table can be replicated: SQL that works as it is printed, or leaving it out (pure).

A key is made from what is unique already; a column is added only where there is nothing. A partitioned table's key
holds the columns that it is partitioned by, and it has no identity column before PostgreSQL 17.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdc_reader.discovery.catalog_rows import (
    IDENTITY_DEFAULT,
    PARTITIONED_TABLE,
    PLAIN_TABLE,
    UNLOGGED,
    RelationRow,
    TableRow,
)
from cdc_reader.discovery.publication import quote_identifier, quote_table


def table_remedy(table: TableRow) -> tuple[str, bool]:
    """What to do about a table that is not replicated, and whether it is SQL."""
    if table.set_aside is not None:
        return table.set_aside.remedy, table.set_aside.sql
    exclude = f"leave it out: add {str(table.name)!r} to the setting 'exclude'"
    statements = _statements(table) if table.relation.kind in (PLAIN_TABLE, PARTITIONED_TABLE) else []
    if table.relation.primary_key is None:
        keys = f"name columns that are unique and never null: setting 'keys': {{{str(table.name)!r}: [COLUMN, ...]}}"
        exclude = f"{keys}, and it is polled; or {exclude}"
    if not statements:
        return exclude, False
    return "\n".join([*statements, f"-- or {exclude}"]), True


def _statements(table: TableRow) -> list[str]:
    """Empty where no statement would do."""
    keyless = table.relation.primary_key is None
    key = list(_key(table)) if keyless else []
    if keyless and not key:
        return []
    logged = [
        f"ALTER TABLE {quote_table(relation.name)} SET LOGGED;"
        for relation in table.relations
        if relation.persistence == UNLOGGED
    ]
    return [
        *key,
        *logged,
        *(statement for relation in table.published for statement in _identity(relation, gets_key=keyless)),
    ]


def _key(table: TableRow) -> Iterator[str]:
    relation = table.relation
    alter = f"ALTER TABLE {quote_table(relation.name)}"
    if any(leaf.primary_key is not None for leaf in table.leaves):
        return  # a table has one key, and that of the whole would be theirs too
    if (unique := relation.unique_key) is not None:
        if unique.index is not None:
            yield f"{alter} ADD PRIMARY KEY USING INDEX {quote_identifier(unique.index)};"
        else:
            yield f"{alter} ADD PRIMARY KEY ({_listed(unique.columns)});"
    elif relation.kind == PLAIN_TABLE:
        yield f"{alter} ADD COLUMN {_free_name(relation)} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;"
    elif relation.partitioned_by:
        name = _free_name(relation)
        yield f"{alter} ADD COLUMN {name} bigserial;"
        yield f"{alter} ADD PRIMARY KEY ({_listed((*relation.partitioned_by, name))});"


def _identity(relation: RelationRow, *, gets_key: bool) -> Iterator[str]:
    alter = f"ALTER TABLE {quote_table(relation.name)}"
    key = relation.primary_key
    if gets_key or (key is not None and key.immediate):
        if relation.replica_identity != IDENTITY_DEFAULT:
            yield f"{alter} REPLICA IDENTITY DEFAULT;"
    elif key is not None and not relation.unsent_columns:
        yield f"{alter} REPLICA IDENTITY FULL;"


def _free_name(relation: RelationRow) -> str:
    taken = {column.name for column in relation.columns}
    names = ("row_number", *(f"row_number_{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(map(quote_identifier, columns))
