"""
The messages of pgoutput, protocol 1, as values.

Field by field: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
Times are microseconds since the Unix epoch. A value that is null, one that did not change (TOAST) and one that is
there are different types.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_reader.postgres.lsn import Lsn


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction begins; `final_lsn` is where its commit record lies."""

    final_lsn: Lsn
    commit_ts_us: int
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The transaction is whole; `end_lsn` is the position behind it."""

    flags: int
    commit_lsn: Lsn
    end_lsn: Lsn
    commit_ts_us: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The transaction was replicated from elsewhere."""

    commit_lsn: Lsn
    name: str


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A published column; `key`: part of the replica identity (every column is, under FULL)."""

    key: bool
    name: str
    type_oid: int
    typmod: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as the next messages use it; `replica_identity` is `d`, `n`, `f` or `i`."""

    oid: int
    schema: str
    name: str
    replica_identity: str
    columns: tuple[RelationColumn, ...]


@dataclass(frozen=True, slots=True)
class TypeName:
    """The name of a type that is not built in."""

    oid: int
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Null:
    """The value is NULL."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The value is stored out of line, did not change and was not sent."""


@dataclass(frozen=True, slots=True)
class Text:
    """A value in PostgreSQL's text format."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Binary:
    """A value in the format of its type's send function."""

    data: bytes


Field = Null | Unchanged | Text | Binary
Tuple = tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """A row is new."""

    oid: int
    new: Tuple


@dataclass(frozen=True, slots=True)
class Update:
    """A row changed. `old_kind`: `K` (only the key columns of `old` are set), `O` (all are), None (no old tuple)."""

    oid: int
    old_kind: str | None
    old: Tuple | None
    new: Tuple


@dataclass(frozen=True, slots=True)
class Delete:
    """A row is gone; `old_kind` as in `Update`, never None."""

    oid: int
    old_kind: str
    old: Tuple


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tables were emptied together."""

    relation_oids: tuple[int, ...]
    cascade: bool
    restart_identity: bool


@dataclass(frozen=True, slots=True)
class LogicalMessage:
    """What a session wrote with `pg_logical_emit_message`."""

    transactional: bool
    lsn: Lsn
    prefix: str
    content: bytes


Message = Begin | Commit | Origin | Relation | TypeName | Insert | Update | Delete | Truncate | LogicalMessage
