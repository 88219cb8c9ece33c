"""The records of `_tables`: what discovery knows of a table, for consumers that never see the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from schemas.errors import RecordError
from schemas.json_records import read_object, read_record
from schemas.names import TableName

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalog describes it; `type` is PostgreSQL's `format_type`.

    `base_type` and `base_type_oid` are those under all domains; None for a column that is of no domain, and in entries
    of readers that did not record them.
    """

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
    base_type: str | None = None
    base_type_oid: int | None = None

    @property
    def values_type(self) -> str:
        """The type that its values are of, as far as it is known: the one under all domains."""
        return self.base_type or self.type

    @property
    def values_type_oid(self) -> int:
        """The OID of that type."""
        return self.base_type_oid or self.type_oid


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
    """One table: the value of a `_tables` record. `version` rises with every change of the entry.

    `types` are the labels of enums and the shapes of composites that the text of its values depends on, through
    domains, arrays and ranges (rule D1); `catalog_mark` stands for what documents take from the catalog (rule D9);
    `key_numbers` are the `attnum` of the primary key's columns. They are None in entries of readers that did not
    record them. `waiting` are partitions whose rows are not captured, and why (rule D8).
    """

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
    types: tuple[str, ...] | None = None
    catalog_mark: str | None = None
    schema_fingerprint: str | None = None
    key_kinds: tuple[str, ...] = ()
    key_numbers: tuple[int, ...] | None = None
    deleted: bool = False
    waiting: Mapping[str, str] = field(default_factory=dict)
    format: int = field(default=FORMAT)

    @property
    def name(self) -> TableName:
        """The table's name."""
        return TableName(self.schema, self.table)

    @property
    def binds(self) -> bool:
        """Whether its topic may hold rows of it: it was captured, and not taken out since (rule D6)."""
        return self.schema_fingerprint is not None and not self.deleted

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
        entry = read_record(cls, read_object(value, "_tables", FORMAT), "_tables")
        for edge in entry.relationships:
            TableName.parse(edge.target_table)
        if not entry.schema or not entry.table:
            raise RecordError("expected the name of a table in a _tables record, got an empty one")
        return entry


def table_entry(key: bytes, value: bytes) -> TableEntry:
    """The entry in a record of `_tables`; raises `RecordError` for one whose key is not its table."""
    entry = TableEntry.from_json(value)
    if entry.record_key != key:
        raise RecordError("expected the name of the table as the key of a _tables record, got another key")
    return entry
