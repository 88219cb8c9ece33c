"""
The statements that make the sample's schema, from the description of its tables.

Tables come first and bare; constraints, indexes and comments after the rows, which is what makes a load fast
and lets tables refer to each other in circles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from devstack.sample.model import Column, ForeignKey, Table

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = frozenset({"order"})

TYPES = (
    "CREATE TYPE inspection_result AS ENUM ('pass', 'fail', 'n/a', 'à revoir')",
    "CREATE DOMAIN email_address AS varchar(254) CHECK (VALUE LIKE '%@%')",
    "CREATE DOMAIN percent_complete AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100)",
)


def identifier(name: str) -> str:
    """Return `name` as SQL reads it, quoted where it must be."""
    if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def names(columns: Sequence[str]) -> str:
    """Return the names, quoted where they must be, separated by commas."""
    return ", ".join(identifier(name) for name in columns)


def create_table(table: Table) -> str:
    """Return the statement that creates the table with its primary key, without references."""
    lines = [_column_line(column) for column in table.columns]
    lines.append(f"PRIMARY KEY ({names(table.primary_key)})")
    return f"CREATE TABLE {identifier(table.name)} (\n    " + ",\n    ".join(lines) + "\n)"


def copy_in(table: Table) -> str:
    """Return the COPY statement that takes the table's rows."""
    return f"COPY {identifier(table.name)} ({names([c.name for c in table.stored_columns])}) FROM STDIN"


def after_load(table: Table, loaded: int) -> Iterator[str]:
    """Yield what follows when the table holds its `loaded` rows: keys go on, references, indexes, comments."""
    name = identifier(table.name)
    for column in table.columns:
        if "IDENTITY" in column.default:
            yield f"ALTER TABLE {name} ALTER COLUMN {identifier(column.name)} RESTART WITH {table.first_key + loaded}"
    if table.foreign_keys:
        yield f"ALTER TABLE {name} " + ", ".join(_constraint(key) for key in table.foreign_keys)
    for key in table.foreign_keys:
        if key.columns != table.primary_key[: len(key.columns)]:
            yield f"CREATE INDEX ON {name} ({names(key.columns)})"
    if table.replica_identity_full:
        yield f"ALTER TABLE {name} REPLICA IDENTITY FULL"
    yield f"COMMENT ON TABLE {name} IS {literal(table.comment)}"
    for column in table.columns:
        if column.comment:
            yield f"COMMENT ON COLUMN {name}.{identifier(column.name)} IS {literal(column.comment)}"


def _column_line(column: Column) -> str:
    parts = [identifier(column.name), column.type]
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) STORED")
    if column.default:
        parts.append(column.default)
    nullable = column.nulls_percent or None in column.rare or column.generated
    return " ".join(parts if nullable else [*parts, "NOT NULL"])


def _constraint(key: ForeignKey) -> str:
    text = f"ADD FOREIGN KEY ({names(key.columns)}) REFERENCES {identifier(key.target)}"
    return f"{text} {key.actions}" if key.actions else text
