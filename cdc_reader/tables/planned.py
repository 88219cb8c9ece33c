"""
From the catalog to the tables of a session: their entries, how each is encoded and read, and which are gone.

Keeps: D1, D6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cdc_reader.discovery.captures import REPLICATION
from cdc_reader.discovery.catalog_rows import PARTITIONED_TABLE, Catalog
from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.published_rows import published_columns, row_filter
from cdc_reader.tables.captured import CapturedTable, EncoderOf
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.tables.reads import read_plan, text_columns
from schemas.names import TableName
from schemas.tables import TableEntry
from schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """Whose tables they are, and how their topics are made: `existing` are the partition counts of topics by name."""

    source: str
    prefix: str
    partitions: int
    existing: Mapping[str, int]

    def topic(self, name: TableName, known: TableEntry | None) -> TopicPlan:
        """The topic of a table: the partitions that it has, or had, are for ever (rule D6)."""
        topic = Topics(self.prefix).table(name)
        return TopicPlan(topic, self.existing.get(topic, known.partitions if known else self.partitions))


@dataclass(frozen=True, slots=True)
class PlannedTables:
    """All selected tables, those of them that are captured, and those that are captured no longer.

    `text_only` names columns of types that are only read as text.
    """

    entries: dict[TableName, TableEntry]
    captured: list[CapturedTable]
    removed: list[CapturedTable]
    text_only: list[str]

    @property
    def not_streamed(self) -> list[TableEntry]:
        """The entries of tables that are selected, but not captured by replication."""
        return [entry for entry in self.entries.values() if entry.capture.mode != REPLICATION]


def plan_tables(
    catalog: Catalog,
    known: Mapping[str, TableEntry],
    topics: TopicSettings,
    *,
    version: int,
    encoder_of: EncoderOf,
) -> PlannedTables:
    """Plan a session's tables; `known` are the stored entries, `version` is that of entries that differ from them."""
    made = table_entries(
        catalog,
        source=topics.source,
        version=version,
        topic_of=lambda name: topics.topic(name, known.get(str(name))),
    )
    described = (_with_schema(entry, catalog, topics.prefix) for entry in made)
    entries = {entry.name: _kept(known.get(str(entry.name)), entry) for entry in described}
    captured = [entry for entry in entries.values() if entry.capture.mode == REPLICATION]
    return PlannedTables(
        entries=entries,
        captured=[_captured(entry, catalog, topics.prefix, encoder_of) for entry in captured],
        removed=[_removed(entry, topics.prefix, encoder_of) for entry in _gone(known, entries, topics.source)],
        text_only=text_columns(captured, {entry.name: published_columns(catalog, entry.name) for entry in captured}),
    )


def _with_schema(entry: TableEntry, catalog: Catalog, prefix: str) -> TableEntry:
    if entry.capture.mode != REPLICATION:
        return entry
    plan = plan_table(entry, prefix=prefix, published=published_columns(catalog, entry.name))
    return replace(entry, schema_fingerprint=plan.fingerprint.hex())


def _kept(known: TableEntry | None, entry: TableEntry) -> TableEntry:
    """The stored entry when nothing but version and row estimate differ, so that a restart writes nothing."""
    if known is None:
        return entry
    same = replace(entry, version=known.version, row_estimate=known.row_estimate)
    return known if same == known else entry


def _captured(entry: TableEntry, catalog: Catalog, prefix: str, encoder_of: EncoderOf) -> CapturedTable:
    plan = plan_table(entry, prefix=prefix, published=published_columns(catalog, entry.name))
    row = catalog.table(entry.name)
    partitioned = row.relation.kind == PARTITIONED_TABLE
    return CapturedTable(
        entry=entry,
        plan=plan,
        encoder=encoder_of(plan),
        read=read_plan(
            entry, plan, row.relation.key_order, row_filter=row_filter(catalog, entry.name), partitioned=partitioned
        ),
        relations=frozenset(relation.oid for relation in row.published),
    )


def _gone(known: Mapping[str, TableEntry], entries: Mapping[TableName, TableEntry], source: str) -> list[TableEntry]:
    """Tables of ours that are gone, or not selected any more: a last sweep takes their rows out (rule D1).

    A table recreated under the same name is not among them: its own scan sweeps what was before it.
    """
    return [
        entry
        for entry in known.values()
        if entry.source == source
        and not entry.deleted
        and entry.capture.mode == REPLICATION
        and entry.name not in entries
    ]


def _removed(entry: TableEntry, prefix: str, encoder_of: EncoderOf) -> CapturedTable:
    plan = plan_table(entry, prefix=prefix)
    return CapturedTable(
        entry=entry,
        plan=plan,
        encoder=encoder_of(plan),
        read=read_plan(entry, plan, (), row_filter=None, partitioned=False),  # it is swept, and never read
        relations=frozenset(),
    )
