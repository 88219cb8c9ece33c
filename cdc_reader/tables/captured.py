"""
The captured tables of a session: how each is read, encoded and published, and which relation of the stream is whose.

A table is made from its `_tables` entry when a session begins. A relation is bound when its Relation message comes:
one whose OID is not a captured table's is not published (rule S7: events of a dropped table's OID), one that the
entry does not explain gets a plan from the message itself, and the definitions are compared at once. What comes under
it is told of: by then the table may be again as it was, and nothing else would ever say that these rows are not.

Keeps: S7, D3, D4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cdc_reader.discovery.catalog_rows import IDENTITY_FULL, DeclaredType
from cdc_reader.discovery.fingerprints import Definition, is_same
from cdc_reader.discovery.key_changes import key_kind
from cdc_reader.pgoutput.messages import Relation
from cdc_reader.postgres.row_queries import ReadPlan
from cdc_reader.tables.encoder_plans import StaleDefinition, plan_table
from cdc_reader.transcode import Encoder, EventContext, KnownTypes, TablePlan
from cdc_reader.transcode.known_types import BUILT_IN
from schemas.names import TableName
from schemas.tables import Column, TableEntry

EncoderOf = Callable[[TablePlan], Encoder]
DeclaredTypes = Callable[[Sequence[tuple[int, int]]], Sequence[DeclaredType]]


@dataclass(slots=True, eq=False)
class CapturedTable:
    """A table of this session. `relations` are the OIDs of what is published for it (itself, or its leaves).

    `windows` are the keys that the stream has overtaken, one set for each open chunk; `deletes` counts those seen.
    `marks` are those of its relations, `orders` their columns in order, both by OID (rule D1); `leaf_reads`
    is how each leaf is read alone (rule D3);
    `otherwise`: rows were published that its entry does not explain.
    """

    entry: TableEntry
    plan: TablePlan
    encoder: Encoder
    read: ReadPlan
    relations: frozenset[int]
    windows: list[set[bytes]] = field(default_factory=list)
    deletes: int = 0
    marks: Mapping[int, str] = field(default_factory=dict)
    orders: Mapping[int, Sequence[str]] = field(default_factory=dict)
    leaf_reads: Mapping[int, ReadPlan] = field(default_factory=dict)
    otherwise: bool = False

    def is_still(self, now: Definition) -> bool:
        """Whether what was read by its definition would be read the same by that of now (rule D1)."""
        known = Definition(self.entry.fingerprint, self.entry.types or (), self.marks)
        return is_same(self.entry.oid, known, now)

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
    """A relation of the stream, bound to its table; attributes are plain for the hot loop.

    `other_key`: the table's key is not among its columns, or of another kind there.
    """

    __slots__ = ("change", "counts", "encoder", "leaf", "other_key", "relation", "table", "topic", "windows")

    def __init__(
        self,
        relation: Relation,
        table: CapturedTable,
        encoder: Encoder,
        *,
        explained: bool = True,
        other_key: bool = False,
    ) -> None:
        self.relation = relation
        self.other_key = other_key
        self.table = table
        self.encoder = encoder
        self.change = encoder.change if explained else self._change_otherwise
        self.topic = table.topic
        self.windows = table.windows
        self.leaf = relation.oid != table.entry.oid
        self.counts: Counter[int] = Counter()  # messages by their tag

    @property
    def keyless(self) -> bool:
        """Whether changes are sent without the key of the table's topic.

        The identity of then is not that of now (rule D4), and the key of then may have been another one (rule D6).
        """
        full = self.relation.replica_identity == IDENTITY_FULL
        sent = {column.name for column in self.relation.columns if full or column.key}
        return self.other_key or not sent.issuperset(self.table.entry.primary_key)

    def _change_otherwise(
        self, data: bytes, context: EventContext, lsn: int, version: int, ordinal: int
    ) -> tuple[bytes, bytes, int]:
        """A change of a row that the table's entry does not explain."""
        self.table.otherwise = True
        return self.encoder.change(data, context, lsn, version, ordinal)

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

    def __init__(
        self, tables: Iterable[CapturedTable], types: KnownTypes = BUILT_IN, *, prefix: str, encoder_of: EncoderOf
    ) -> None:
        self.by_name: dict[TableName, CapturedTable] = {table.name: table for table in tables}
        self.by_oid: dict[int, CapturedTable] = {
            oid: table for table in self.by_name.values() for oid in table.relations
        }
        self.by_wire: dict[bytes, StreamedRelation] = {}
        self.keyless: dict[bytes, StreamedRelation] = {}
        self._prefix = prefix
        self._encoder_of = encoder_of
        self._types = types

    def bind(self, relation: Relation, types_of: DeclaredTypes) -> tuple[StreamedRelation | None, bool]:
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
        bound, fits = self._bound(relation, table, types_of)
        without, within = (self.by_wire, self.keyless) if bound.keyless else (self.keyless, self.by_wire)
        without.pop(wire, None)
        within[wire] = bound
        return bound, known is not None or not fits or bound.keyless

    def _bound(
        self, relation: Relation, table: CapturedTable, types_of: DeclaredTypes
    ) -> tuple[StreamedRelation, bool]:
        """The relation, and whether the table's entry explains it."""
        try:
            order = table.orders.get(relation.oid)
            plan = plan_table(table.entry, prefix=self._prefix, relation=relation, order=order, types=self._types)
            return StreamedRelation(relation, table, self._encoder_of(plan)), True
        except StaleDefinition:
            declared = types_of([(column.type_oid, column.typmod) for column in relation.columns])
        self._types = self._types.knowing(shape for each in declared for shape in each.shapes)
        entry = _as_streamed(table.entry, relation, declared)
        if entry.key_kinds != table.entry.key_kinds:
            return StreamedRelation(relation, table, table.encoder, other_key=True), False
        plan = plan_table(entry, prefix=self._prefix, relation=relation, types=self._types)
        return StreamedRelation(relation, table, self._encoder_of(plan), explained=False), False


def _as_streamed(entry: TableEntry, relation: Relation, types: Sequence[DeclaredType]) -> TableEntry:
    """The entry as the stream sees the table, which may be behind or ahead of the catalog.

    It lacks kinds of keys for columns that are not there.
    """
    columns = tuple(
        Column(
            name=column.name,
            type=declared.name,
            type_oid=column.type_oid,
            typmod=column.typmod,
            nullable=True,
            ordinal=ordinal,
            primary_key=column.name in entry.primary_key,
            base_type=declared.base_type,
            base_type_oid=declared.base_type_oid,
        )
        for ordinal, (column, declared) in enumerate(zip(relation.columns, types, strict=True), 1)
    )
    return replace(entry, columns=columns, key_kinds=tuple(_kinds_streamed(entry, columns)))


def _kinds_streamed(entry: TableEntry, columns: Iterable[Column]) -> Iterator[str]:
    """The kinds of the key's columns; a domain over integers or texts is of their kind, any other is of its name."""
    streamed = {column.name: column for column in columns}
    known = {column.name: column for column in entry.columns}
    for name, kind in zip(entry.primary_key, entry.key_kinds, strict=True):
        if (column := streamed.get(name)) is not None:
            same = column.type_oid == known[name].type_oid
            yield kind if same else key_kind(column.values_type_oid, column.type)
