"""
From the catalog to the tables of a session: their entries, how each is encoded and read, and which are gone.

Keeps: D1, D6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cdc_reader.discovery.captures import CAPTURED, POLLING, REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import PARTITIONED_TABLE, PLAIN_TABLE, Catalog
from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.fingerprints import marks
from cdc_reader.discovery.key_changes import binding
from cdc_reader.discovery.published_rows import published_columns, row_filter
from cdc_reader.postgres.row_queries import ReadPlan
from cdc_reader.tables.captured import CapturedTable, EncoderOf
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.tables.polled import PolledTable, polled_table
from cdc_reader.tables.reads import read_plan, text_columns
from cdc_reader.tables.topic_names import topic_of
from schemas.names import TableName
from schemas.tables import TableEntry
from schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """Whose tables they are, and how their topics are made: `existing` are the partition counts of topics by name.

    `renamed` are other names that the source had. `timestamps` are columns that tell newer rows of polled tables.
    """

    source: str
    prefix: str
    partitions: int
    existing: Mapping[str, int]
    renamed: frozenset[str] = frozenset()
    timestamps: Mapping[TableName, str] = field(default_factory=dict)

    def topic(self, name: TableName, known: TableEntry | None) -> TopicPlan:
        """The topic of a table: the partitions that it has, or had, are for ever (rule D6)."""
        topic = topic_of(Topics(self.prefix), name)
        return TopicPlan(topic, self.existing.get(topic, known.partitions if known else self.partitions))


@dataclass(frozen=True, slots=True)
class PlannedTables:
    """All selected tables, those of them that are captured, and those that are gone, or selected no longer.

    `captured` are streamed, `polled` are not. `removed` have rows to be taken out; `forgotten` never had any.
    `text_only` names streamed columns of types that are only read as text.
    """

    entries: dict[TableName, TableEntry]
    captured: list[CapturedTable]
    removed: list[CapturedTable]
    forgotten: list[TableEntry]
    text_only: list[str]
    polled: list[PolledTable] = field(default_factory=list)

    @property
    def published(self) -> list[CapturedTable]:
        """All that have a topic which rows go to."""
        return [*self.captured, *(each.table for each in self.polled)]

    @property
    def not_streamed(self) -> dict[str, str]:
        """Tables that are selected, but neither streamed nor polled, and partitions that wait; with the reason."""
        tables = {
            str(name): each.capture.reason for name, each in self.entries.items() if each.capture.mode not in CAPTURED
        }
        return tables | {leaf: why for each in self.entries.values() for leaf, why in each.waiting.items()}


def plan_tables(
    catalog: Catalog,
    known: Mapping[str, TableEntry],
    topics: TopicSettings,
    *,
    version: int,
    encoder_of: EncoderOf,
) -> PlannedTables:
    """Plan a session's tables; `known` are the stored entries, `version` is that of entries that differ from them."""
    bound = binding(known, topics.existing)
    made = table_entries(
        catalog,
        source=topics.source,
        version=version,
        topic_of=lambda name: topics.topic(name, known.get(str(name))),
        left=_left(catalog, bound),
    )
    described = (_with_schema(entry, catalog, topics.prefix) for entry in made)
    entries = {entry.name: _kept(known.get(str(entry.name)), entry) for entry in described}
    captured = [entry for entry in entries.values() if entry.capture.mode == REPLICATION]
    gone = _gone(known, entries, topics, version)
    # Where the topic is gone too, its rows are: nothing is to be taken out of it (rule D8).
    swept = {name for name, entry in bound.items() if entry.topic in topics.existing}
    return PlannedTables(
        entries=entries,
        captured=[_captured(entry, catalog, topics.prefix, encoder_of) for entry in captured],
        removed=[_removed(entry, topics.prefix, encoder_of) for entry in gone if str(entry.name) in swept],
        forgotten=[replace(entry, deleted=True, version=version) for entry in gone if str(entry.name) not in swept],
        polled=[
            _polled(entry, catalog, topics, encoder_of) for entry in entries.values() if entry.capture.mode == POLLING
        ],
        text_only=text_columns(
            captured, {entry.name: published_columns(catalog, entry.name) for entry in captured}, catalog.types
        ),
    )


def _left(catalog: Catalog, bound: Mapping[str, TableEntry]) -> dict[TableName, TableEntry]:
    """The stored entries of tables that are captured no longer, and whose rows stay."""
    others = (table.name for table in catalog.tables if capture_of(table).mode not in CAPTURED)
    return {name: bound[str(name)] for name in others if str(name) in bound}


def _with_schema(entry: TableEntry, catalog: Catalog, prefix: str) -> TableEntry:
    if entry.capture.mode not in CAPTURED:
        return entry
    plan = plan_table(entry, prefix=prefix, published=_sent(entry, catalog))
    return replace(entry, schema_fingerprint=plan.fingerprint.hex())


def _kept(known: TableEntry | None, entry: TableEntry) -> TableEntry:
    """The stored entry when nothing but version and row estimate differ, so that a restart writes nothing."""
    if known is None:
        return entry
    same = replace(entry, version=known.version, row_estimate=known.row_estimate)
    return known if same == known else entry


def _captured(entry: TableEntry, catalog: Catalog, prefix: str, encoder_of: EncoderOf) -> CapturedTable:
    plan = plan_table(entry, prefix=prefix, published=published_columns(catalog, entry.name), types=catalog.types)
    row = catalog.table(entry.name)
    filtered = row_filter(catalog, entry.name)
    leaves = tuple(leaf.oid for leaf in row.leaves) if row.relation.kind == PARTITIONED_TABLE else None

    def read(name: TableName, leaves: tuple[int, ...] | None = None) -> ReadPlan:
        return read_plan(name, plan, row.relation.key_order, row_filter=filtered, leaves=leaves)

    return CapturedTable(
        entry=entry,
        plan=plan,
        encoder=encoder_of(plan),
        read=read(entry.name, leaves),
        leaf_reads={leaf.oid: read(leaf.name) for leaf in row.leaves},
        relations=frozenset(relation.oid for relation in row.published),
        marks=marks(row),
        orders={relation.oid: [column.name for column in relation.columns] for relation in row.published},
    )


def _sent(entry: TableEntry, catalog: Catalog) -> Sequence[str] | None:
    """The columns that events of a table carry; a poll reads a key that is generated, too."""
    published = published_columns(catalog, entry.name)
    return _with_key(entry) if published is None and entry.capture.mode == POLLING else published


def _with_key(entry: TableEntry) -> Sequence[str]:
    """All columns but those that are generated, and the key whether or not it is."""
    return [column.name for column in entry.columns if not column.generated or column.name in entry.primary_key]


def _polled(entry: TableEntry, catalog: Catalog, topics: TopicSettings, encoder_of: EncoderOf) -> PolledTable:
    """A table that the stream brings nothing of: no relation of the stream is its own."""
    plan = plan_table(entry, prefix=topics.prefix, published=_sent(entry, catalog), types=catalog.types)
    row = catalog.table(entry.name)
    whole = row.relation.kind != PLAIN_TABLE
    table = CapturedTable(
        entry=entry,
        plan=plan,
        encoder=encoder_of(plan),
        read=read_plan(
            entry.name, plan, row.relation.key_order, row_filter=row_filter(catalog, entry.name), whole=whole
        ),
        relations=frozenset(),
        marks=marks(row),
    )
    key = plan_table(entry, prefix=topics.prefix, published=entry.primary_key, types=catalog.types)
    return polled_table(table, row, key, encoder_of(key), topics.timestamps)


def _gone(
    known: Mapping[str, TableEntry], entries: Mapping[TableName, TableEntry], topics: TopicSettings, version: int
) -> list[TableEntry]:
    """Tables of ours that are gone, or not selected any more: a last sweep takes their rows out (rule D1).

    A table recreated under the same name is not among them: its own scan sweeps what was before it.
    """
    ours = (topics.source, *topics.renamed)
    gone = [each for each in known.values() if each.source in ours and not each.deleted and each.name not in entries]
    return [
        entry
        if (entry.source, partitions) == (topics.source, entry.partitions)
        else replace(entry, source=topics.source, partitions=partitions, version=version)
        for entry in gone
        # Rows may lie in partitions that the topic was given since (rule D6).
        for partitions in [max(entry.partitions, topics.existing.get(entry.topic, 0))]
    ]


def _removed(entry: TableEntry, prefix: str, encoder_of: EncoderOf) -> CapturedTable:
    plan = plan_table(entry, prefix=prefix, published=_with_key(entry))
    return CapturedTable(
        entry=entry,
        plan=plan,
        encoder=encoder_of(plan),
        read=read_plan(entry.name, plan, (), row_filter=None),  # it is swept, and never read
        relations=frozenset(),
    )
