"""
What the catalog of the source database says, as values.

Written by `catalog` (the queries), read by everything that decides. Nothing here knows how it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from cdc_reader.postgres.key_order import KeyColumn
from cdc_reader.transcode.known_types import BUILT_IN, KnownTypes
from cdc_reader.transcode.type_shapes import TypeShape
from schemas.errors import SettingsError
from schemas.names import TableName

PLAIN_TABLE = "r"
PARTITIONED_TABLE = "p"
VIEW = "v"
MATERIALIZED_VIEW = "m"
FOREIGN_TABLE = "f"
UNLOGGED = "u"

UTF8 = "UTF8"  # the encoding of which each text is told as it is
NO_UTF8 = "\ufffd"  # in names and texts, for bytes of which no UTF-8 can be made

IDENTITY_DEFAULT = "d"
IDENTITY_NOTHING = "n"
IDENTITY_FULL = "f"
IDENTITY_INDEX = "i"


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column that exists; `number` is `attnum`, which does not change when others are dropped.

    `base_type_oid` is the type under a domain, else `type_oid`; `base_type` its name, None where it is of no domain.
    `generated` is '' (an ordinary column), 's' (stored) or 'v' (virtual); `default` holds the default's expression, not
    a generated column's. `readable`: our role may select it.
    """

    number: int
    name: str
    type: str
    type_oid: int
    base_type_oid: int
    typmod: int
    not_null: bool
    default: str | None = None
    generated: str = ""
    identity: str = ""
    description: str | None = None
    readable: bool = True
    base_type: str | None = None


class DeclaredType(NamedTuple):
    """A type by its name, and the one under all domains where it is a domain; `shapes` of all that lies below it."""

    name: str
    base_type_oid: int | None = None
    base_type: str | None = None
    shapes: tuple[TypeShape, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """One `pg_attribute` row of a user column, dropped ones included: what rule D1's fingerprint is made from."""

    number: int
    name: str
    type_oid: int
    typmod: int
    not_null: bool
    dropped: bool
    generated: str
    xmin: str


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A type below a column. `parts` are the types that its values are made of; `marks` its labels, or its shape."""

    oid: int
    parts: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyIndex:
    """A unique index in the order of its key columns; `immediate` is False when its check can be deferred."""

    columns: tuple[str, ...]
    immediate: bool = True
    valid: bool = True


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """What may become the primary key: unique, checked at once, never null. `index` where it can be made from that."""

    columns: tuple[str, ...]
    index: str | None = None


@dataclass(frozen=True, slots=True)
class RelationRow:
    """A table, view or leaf partition. `parents` are the OIDs it inherits from or is a partition of.

    `attached` are the transactions that made it, and what it is below, partitions.
    `key_order` is the primary key as rows are read by it; it lacks columns that nothing orders (rule S8). `types` are
    the labels and shapes below the types of its columns (see `value_types`). `unsent_columns` are generated columns
    that the publication does not send, where the server refuses updates and deletes for one in the replica identity.
    `unique_key` is looked for where there is no primary key; `partitioned_by` is empty where it is by an expression.
    What our role may do: `schema_open` (USAGE on the schema), `owned` (what its owner may). `rows_hidden`: a policy of
    row security applies to us. `file` is the number of the file that holds its rows: a rewrite makes another one.
    `named_key`: the primary key is none of its own, but the columns that the settings name.
    """

    oid: int
    name: TableName
    kind: str
    persistence: str
    replica_identity: str
    row_estimate: int
    columns: tuple[ColumnRow, ...]
    attributes: tuple[AttributeRow, ...]
    parents: tuple[int, ...] = ()
    attached: tuple[str, ...] = ()
    primary_key: KeyIndex | None = None
    key_order: tuple[KeyColumn, ...] = ()
    types: tuple[str, ...] = ()
    identity_index: KeyIndex | None = None
    unsent_columns: tuple[str, ...] = ()
    row_security: bool = False
    row_security_forced: bool = False
    description: str | None = None
    unique_key: UniqueKey | None = None
    partitioned_by: tuple[str, ...] = ()
    schema_open: bool = True
    owned: bool = True
    rows_hidden: bool = False
    file: int = 0
    named_key: bool = False

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the primary key in key order; empty when there is none."""
        return self.primary_key.columns if self.primary_key else ()

    def column(self, name: str) -> ColumnRow:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why a selected table is not captured, whatever it is like, and how that ends: in SQL, or in words."""

    reason: str
    remedy: str
    sql: bool = False


@dataclass(frozen=True, slots=True)
class WaitingLeaf:
    """A leaf that cannot be published now, and why."""

    relation: RelationRow
    why: SetAside


@dataclass(frozen=True, slots=True)
class TableRow:
    """A selected table. `leaves` are what is published for it when it is partitioned (rule D3).

    `waiting` are leaves that are not among them, since they cannot be published now (rule D8). The catalog itself sets
    nothing aside, and lets none wait: that is done by what is known beside it (`key_changes`, `waiting_leaves`).
    `polled`: the settings say that it is polled, whatever it is like.
    """

    relation: RelationRow
    leaves: tuple[RelationRow, ...] = ()
    set_aside: SetAside | None = None
    waiting: tuple[WaitingLeaf, ...] = ()
    polled: bool = False

    @property
    def oid(self) -> int:
        """The OID of the table itself, of the root when it is partitioned."""
        return self.relation.oid

    @property
    def name(self) -> TableName:
        """The table's name."""
        return self.relation.name

    @property
    def relations(self) -> tuple[RelationRow, ...]:
        """The table and its leaves, but for those that wait."""
        return self.relation, *self.leaves

    @property
    def published(self) -> tuple[RelationRow, ...]:
        """The relations that belong into the publication: the table itself, or its leaves."""
        return self.leaves if self.relation.kind == PARTITIONED_TABLE else (self.relation,)


@dataclass(frozen=True, slots=True)
class ForeignKeyRow:
    """A foreign key of `table`, its columns paired in order with those of `target`."""

    name: str
    table_oid: int
    columns: tuple[str, ...]
    target_oid: int
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicationMember:
    """A `pg_publication_rel` row. `columns` is the column list by name; None publishes them all.

    `filter_unread`: it has a row filter, which could not be read, since somebody has locked the table (rule D8).
    """

    oid: int
    xmin: str
    relation_oid: int
    relation: TableName
    row_filter: str | None = None
    columns: tuple[str, ...] | None = None
    filter_unread: bool = False


@dataclass(frozen=True, slots=True)
class PublicationRow:
    """A publication as rule D2 compares it. `schemas` are members of FOR TABLES IN SCHEMA.

    `generated_columns` is PostgreSQL 18's `publish_generated_columns` ('n' none, 's' stored); 'n' before it. `owned`:
    our role may change it.
    """

    oid: int
    xmin: str
    name: str
    owner: str
    all_tables: bool
    insert: bool
    update: bool
    delete: bool
    truncate: bool
    via_root: bool
    generated_columns: str = "n"
    members: tuple[PublicationMember, ...] = ()
    schemas: tuple[str, ...] = ()
    owned: bool = True


@dataclass(frozen=True, slots=True)
class ServerRow:
    """The server and database the catalog was read from; None where our rights do not allow to know.

    `encoding` is the database's.
    """

    version: int
    database: str
    database_oid: int
    user: str
    in_recovery: bool
    wal_level: str
    system_id: str | None
    timeline: int | None
    encoding: str = UTF8


@dataclass(frozen=True)
class Catalog:
    """Everything discovery knows, as of one snapshot of the database.

    `tables` holds the selected ones by name; `passed_over` the names of those that exist and were not selected; none
    where the selection names its tables. `types` are those of their columns, and all that lie below.
    """

    server: ServerRow
    tables: tuple[TableRow, ...]
    foreign_keys: tuple[ForeignKeyRow, ...] = ()
    publication: PublicationRow | None = None
    passed_over: tuple[TableName, ...] = ()
    types: KnownTypes = field(default=BUILT_IN, compare=False)

    @cached_property
    def by_oid(self) -> dict[int, TableRow]:
        """The selected tables by OID."""
        return {table.oid: table for table in self.tables}

    @cached_property
    def by_name(self) -> dict[TableName, TableRow]:
        """The selected tables by name."""
        return {table.name: table for table in self.tables}

    @cached_property
    def root_of(self) -> dict[int, TableRow]:
        """The selected table that each published relation (a table, or a leaf of one) belongs to, by OID."""
        return {relation.oid: table for table in self.tables for relation in table.published}

    def table(self, name: TableName) -> TableRow:
        """The selected table of that name; raises `SettingsError` when there is none."""
        try:
            return self.by_name[name]
        except KeyError:
            raise SettingsError(
                expected=f"a selected table of database {self.server.database!r}", found=str(name)
            ) from None
