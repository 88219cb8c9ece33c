"""
The captured tables of a session: how each is read, encoded and published, and which relation of the stream is whose.

A table is made from its `_tables` entry when a session begins. A relation is bound when its Relation message comes:
one whose OID is not a captured table's is not published (rule S7: events of a dropped table's OID), one that the
entry does not explain gets a plan from the message itself, and the definitions are compared at once.

Keeps: S7, D3, D4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from cdc_reader.discovery.catalog_rows import IDENTITY_FULL
from cdc_reader.pgoutput.messages import Relation
from cdc_reader.postgres.row_queries import ReadPlan
from cdc_reader.tables.encoder_plans import StaleDefinition, plan_table
from cdc_reader.transcode import Encoder, TablePlan
from schemas.errors import SchemaIncompatible
from schemas.names import TableName
from schemas.tables import Column, TableEntry

EncoderOf = Callable[[TablePlan], Encoder]
TypeNames = Callable[[Sequence[tuple[int, int]]], Sequence[str]]


@dataclass(slots=True, eq=False)
class CapturedTable:
    """A table of this session. `relations` are the OIDs of what is published for it (itself, or its leaves).

    `windows` are the keys that the stream has overtaken, one set for each open chunk; `deletes` counts those seen.
    """

    entry: TableEntry
    plan: TablePlan
    encoder: Encoder
    read: ReadPlan
    relations: frozenset[int]
    windows: list[set[bytes]] = field(default_factory=list)
    deletes: int = 0

    @property
    def name(self) -> TableName:
        """The table's name."""
        return self.entry.name

    @property
    def topic(self) -> str:
        """The topic that holds its rows."""
        return self.entry.topic

    def open_window(self, overtaken: set[bytes]) -> None:
        """Collect the keys that the stream writes from now on in `overtaken` too."""
        self.windows.append(overtaken)

    def close_window(self, overtaken: set[bytes]) -> None:
        """Collect no more in that set."""
        self.windows[:] = [keys for keys in self.windows if keys is not overtaken]

    def count_delete(self) -> None:
        """The stream deleted a row."""
        self.deletes += 1

    def forget_deletes(self) -> None:
        """The deletes so far are accounted for."""
        self.deletes = 0


class StreamedRelation:
    """A relation of the stream, bound to its table; attributes are plain for the hot loop."""

    __slots__ = ("change", "counts", "encoder", "leaf", "relation", "table", "topic", "windows")

    def __init__(self, relation: Relation, table: CapturedTable, encoder: Encoder) -> None:
        self.relation = relation
        self.table = table
        self.encoder = encoder
        self.change = encoder.change
        self.topic = table.topic
        self.windows = table.windows
        self.leaf = relation.oid != table.entry.oid
        self.counts: Counter[int] = Counter()  # messages by their tag

    @property
    def keyless(self) -> bool:
        """Whether changes are sent without the primary key: the identity of then is not that of now (rule D4)."""
        sent = {column.name for column in self.relation.columns if column.key}
        return self.relation.replica_identity != IDENTITY_FULL and not sent.issuperset(self.table.entry.primary_key)

    def overtake(self, key: bytes) -> None:
        """The stream wrote this key: rows of it in open chunks are old."""
        for overtaken in self.windows:
            overtaken.add(key)

    def take_counts(self) -> Counter[int]:
        """Messages by their tag since the last call."""
        taken = Counter(self.counts)
        self.counts.clear()
        return taken


class Tables:
    """All captured tables, by name, by OID, and by the four bytes that stream messages carry.

    `keyless` are relations, by the same bytes, whose changes do not name their row (rule D4): they are in no `by_wire`.
    """

    def __init__(self, tables: Iterable[CapturedTable], *, prefix: str, encoder_of: EncoderOf) -> None:
        self.by_name: dict[TableName, CapturedTable] = {table.name: table for table in tables}
        self.by_oid: dict[int, CapturedTable] = {
            oid: table for table in self.by_name.values() for oid in table.relations
        }
        self.by_wire: dict[bytes, StreamedRelation] = {}
        self.keyless: dict[bytes, StreamedRelation] = {}
        self._prefix = prefix
        self._encoder_of = encoder_of

    def bind(self, relation: Relation, type_names: TypeNames) -> tuple[StreamedRelation | None, bool]:
        """Bind a relation to its table. Returns (None, ...) for one that is not captured.

        The flag says that definitions must be compared: the message does not fit what is known of the table.
        """
        wire = relation.oid.to_bytes(4, "big")
        table = self.by_oid.get(relation.oid)
        if table is None:
            self.by_wire.pop(wire, None)
            self.keyless.pop(wire, None)
            return None, TableName(relation.schema, relation.name) in self.by_name
        known = self.by_wire.get(wire)
        if known is not None and known.relation == relation:
            return known, False
        differs = known is not None
        try:
            plan = plan_table(table.entry, prefix=self._prefix, relation=relation)
        except StaleDefinition:
            plan = plan_table(_as_streamed(table.entry, relation, type_names), prefix=self._prefix, relation=relation)
            differs = True
        bound = StreamedRelation(relation, table, self._encoder_of(plan))
        without, within = (self.by_wire, self.keyless) if bound.keyless else (self.keyless, self.by_wire)
        without.pop(wire, None)
        within[wire] = bound
        return bound, differs or bound.keyless


def _as_streamed(entry: TableEntry, relation: Relation, type_names: TypeNames) -> TableEntry:
    """The entry as the stream sees the table, which may be behind or ahead of the catalog.

    Raises `SchemaIncompatible` when the primary key is not among the columns.
    """
    names = type_names([(column.type_oid, column.typmod) for column in relation.columns])
    columns = tuple(
        Column(
            name=column.name,
            type=name,
            type_oid=column.type_oid,
            typmod=column.typmod,
            nullable=True,
            ordinal=ordinal,
            primary_key=column.name in entry.primary_key,
        )
        for ordinal, (column, name) in enumerate(zip(relation.columns, names, strict=True), 1)
    )
    if missing := set(entry.primary_key) - {column.name for column in columns}:
        raise SchemaIncompatible(
            expected=f"primary key ({', '.join(entry.primary_key)}) in the stream of {entry.name}",
            found=f"none of {sorted(missing)!r}: the key was changed",
            remedy="exclude the table, or give its topic a new generation",
        )
    return replace(entry, columns=columns)
