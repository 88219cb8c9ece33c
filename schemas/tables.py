"""The records of `_tables`: what discovery knows of a table, for consumers that never see the database."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from schemas.errors import RecordError
from schemas.names import TableName

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalog describes it; `type` is PostgreSQL's `format_type`."""

    name: str
    type: str
    type_oid: int
    typmod: int
    nullable: bool
    ordinal: int
    primary_key: bool = False
    generated: bool = False
    default: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Relationship:
    """One edge between tables. `out`: `column` of this table refers to the target; `in`: the other way round.

    For `in`, `column` is the column of the *target table* that refers to `target_column` of this one.
    Columns of a composite key are joined by commas. `declared` is False for edges implied by a name.
    """

    direction: str
    column: str
    target_table: str
    target_column: str
    type: str
    declared: bool


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column that holds references to files, and how they are written in it."""

    column: str
    kind: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Capture:
    """How the table's changes are captured (`replication`, `polling` or `none`) and why."""

    mode: str
    reason: str


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table: the value of a `_tables` record. `version` rises with every change of the entry."""

    version: int
    source: str
    database: str
    schema: str
    table: str
    oid: int
    topic: str
    partitions: int
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    capture: Capture
    generation: int = 1
    description: str | None = None
    row_estimate: int = 0
    replica_identity: str = "d"
    relationships: tuple[Relationship, ...] = ()
    file_columns: tuple[FileColumn, ...] = ()
    fingerprint: str = ""
    schema_fingerprint: str | None = None
    key_kinds: tuple[str, ...] = ()
    deleted: bool = False
    format: int = field(default=FORMAT)

    @property
    def name(self) -> TableName:
        """The table's name."""
        return TableName(self.schema, self.table)

    @property
    def record_key(self) -> bytes:
        """The key of this entry in `_tables`."""
        return str(self.name).encode()

    def to_json(self) -> bytes:
        """The value of the record."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, value: bytes) -> TableEntry:
        """Read a record's value; raises `RecordError` when it is not one, or of a newer format."""
        try:
            raw: dict[str, Any] = json.loads(value)
            if raw["format"] != FORMAT:
                raise RecordError(f"expected a _tables record of format {FORMAT}, got {raw['format']!r}")
            return cls(
                **{
                    **raw,
                    "columns": tuple(Column(**column) for column in raw["columns"]),
                    "primary_key": tuple(raw["primary_key"]),
                    "key_kinds": tuple(raw["key_kinds"]),
                    "relationships": tuple(Relationship(**edge) for edge in raw["relationships"]),
                    "file_columns": tuple(FileColumn(**column) for column in raw["file_columns"]),
                    "capture": Capture(**raw["capture"]),
                }
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise RecordError(f"expected a _tables record, got something else ({type(exc).__name__})") from exc
