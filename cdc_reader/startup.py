"""
From connections to a session that may stream: everything is read, compared and made ready, or refused.

The order is the guarantee: lock (P2), fence, read to the true end (P1), compare (D1, D2, D6, D7, P3, P4, P5),
schemas before events (P10). Nothing is published before all of it agrees.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import replace

import structlog

from cdc_reader.discovery.captures import REPLICATION, capture_of
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import PARTITIONED_TABLE, Catalog
from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.publication import publication_mark, publication_plan
from cdc_reader.discovery.publication_changes import apply_publication_plan
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.server import flush_lsn, slot_row, xids_in_sync_rep
from cdc_reader.postgres.slot_requirements import PLUGIN, slot_requirement
from cdc_reader.postgres.timelines import switch_point
from cdc_reader.progress import gap_checks
from cdc_reader.progress.ready import Ready
from cdc_reader.progress.stored import Stored, published_versions, read_stored
from cdc_reader.progress.versions import Versions, seed
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.settings import ReaderSettings
from cdc_reader.tables.captured import CapturedTable, EncoderOf
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.tables.reads import read_plan, text_columns
from cdc_runtime.kafka.admin import KafkaAdmin
from schemas.names import TableName
from schemas.offsets import PUBLICATION_KEY, TOPICS_KEY, Position, mapping_to_json
from schemas.tables import TableEntry
from schemas.topics import Topics, directory_topic, offsets_topic, table_topic

logger = structlog.get_logger(__name__)


class Startup:
    """One start; every method is a step, called in the order of `prepare`."""

    def __init__(
        self,
        settings: ReaderSettings,
        *,
        connection: Connection,
        stream: ReplicationStream,
        publisher: Publisher,
        admin: KafkaAdmin,
        encoder_of: EncoderOf,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._stream = stream
        self._publisher = publisher
        self._admin = admin
        self._encoder_of = encoder_of
        self._topics = Topics(settings.kafka.prefix)
        self._selection = Selection.of(settings.tables, settings.exclude)

    def prepare(self) -> Ready:
        """All steps; the lock is held. Raises `GapFound`, `SlotLost`, `ServerSetting`, `AccessDenied` ..."""
        settings = self._settings
        self._admin.ensure_topics(
            [
                directory_topic(self._topics.schemas),
                directory_topic(self._topics.tables),
                directory_topic(self._topics.control),
                offsets_topic(self._topics.offsets(settings.source)),
            ]
        )
        self._publisher.fence()
        stored = read_stored(settings.kafka, settings.source, self._admin)
        catalog = self._catalog(stored)
        position = self._position(stored)
        versions = Versions(self._version(stored))
        entries = self._entries(catalog, stored, versions)
        self._check_topics(stored)
        captured = [entry for entry in entries.values() if entry.capture.mode == REPLICATION]
        self._admin.ensure_topics([table_topic(entry.topic, entry.partitions) for entry in captured])
        tables = [self._table(entry, catalog) for entry in captured]
        ready = Ready(stored, position, versions, catalog, entries, tables, self._removed(stored, entries))
        ready.binary = self._binary(captured, catalog)
        ready.not_visible = frozenset(xids_in_sync_rep(self._connection))
        self._first_commit(ready)
        return ready

    def _catalog(self, stored: Stored) -> Catalog:
        """The catalog, after the publication has what it needs (D2 is compared before we change anything)."""
        name = self._settings.publication
        if stored.position is not None:
            # A table that was captured and is gone now leaves the topics; it is no mistake in the settings.
            self._selection = replace(self._selection, required=False)
        catalog = read_catalog(self._connection, self._selection, publication=name)
        if stored.publication is not None and stored.position is not None:
            mark = publication_mark(catalog.publication) if catalog.publication else None
            streamed = [table for table in catalog.tables if capture_of(table).mode == REPLICATION]
            relations = {relation.oid for table in streamed for relation in table.published}
            gap_checks.check_publication(stored.publication, mark, relations)
        plan = publication_plan(catalog, name)
        if not plan.statements:
            return catalog
        logger.info("publication_changes", publication=name, added=len(plan.added), removed=len(plan.removed))
        apply_publication_plan(self._connection, plan)
        return read_catalog(self._connection, self._selection, publication=name)

    def _position(self, stored: Stored) -> Position:
        """The stored position, proved to fit the server; or a new one, which means everything (rule P5)."""
        settings = self._settings
        [(system_id, timeline, _, database)] = self._stream.execute("IDENTIFY_SYSTEM")
        slot = slot_row(self._connection, settings.slot)
        if stored.position is not None:
            server = gap_checks.ServerPosition(
                str(system_id),
                int(timeline),
                flush_lsn(self._connection),
                str(database),
                self._switch(stored, timeline),
            )
            gap_checks.check_server(stored.position, server)
            gap_checks.check_slot(settings.slot, slot, stored.position, database=str(database))
            return replace(stored.position, timeline=int(timeline))
        if slot is not None:
            require([slot_requirement(settings.slot, slot, database=str(database))])
            start = slot.confirmed_lsn
        else:
            start = self._create_slot()
        return Position(
            incarnation=uuid.uuid4().hex,
            version=0,
            start_lsn=start,
            system_id=str(system_id),
            timeline=int(timeline),
            database=str(database),
            slot=settings.slot,
        )

    def _switch(self, stored: Stored, timeline: int) -> int | None:
        if stored.position is None or stored.position.timeline == int(timeline):
            return None
        [(_, history)] = self._stream.execute(f"TIMELINE_HISTORY {int(timeline)}")
        text = history if isinstance(history, str) else bytes(history).decode("utf-8", "replace")
        return switch_point(text, stored.position.timeline)

    def _create_slot(self) -> int:
        """Create the slot; it waits for all transactions that run now. Returns where it begins."""
        logger.info("slot_is_created", slot=self._settings.slot, waits_for="transactions that are open now")
        [row] = self._stream.execute(
            f'CREATE_REPLICATION_SLOT "{self._settings.slot}" LOGICAL {PLUGIN} NOEXPORT_SNAPSHOT'
        )
        return Lsn.parse(str(row[1])).value

    def _version(self, stored: Stored) -> int:
        """The version to begin above (rule V8)."""
        known = [self._settings.version_seed]
        if stored.position is not None:
            known.append(stored.position.version)
        else:
            topics = {entry.topic for entry in stored.entries.values() if entry.source == self._settings.source}
            known += published_versions(self._settings.kafka, topics & set(self._admin.topics()), self._admin)
            known += [entry.version for entry in stored.entries.values()]
        return seed(known, now_us=time.time_ns() // 1000)

    def _entries(self, catalog: Catalog, stored: Stored, versions: Versions) -> dict[TableName, TableEntry]:
        """The entries of all selected tables; a new version only for those that differ from what is stored."""
        settings = self._settings
        wanted = {table.name: self._topics.table(table.name) for table in catalog.tables}
        partitions = self._admin.partition_counts(list(wanted.values()))
        made = table_entries(
            catalog,
            source=settings.source,
            version=versions.next(time.time_ns() // 1000),
            topic_of=lambda name: TopicPlan(wanted[name], partitions.get(wanted[name], self._partitions(stored, name))),
        )
        made = [self._with_schema(entry, catalog) for entry in made]
        gap_checks.check_entries(stored.entries, {str(entry.name): entry for entry in made})
        return {entry.name: _kept(stored.entries.get(str(entry.name)), entry) for entry in made}

    def _partitions(self, stored: Stored, name: TableName) -> int:
        known = stored.entries.get(str(name))
        return known.partitions if known else self._settings.kafka.partitions

    def _with_schema(self, entry: TableEntry, catalog: Catalog) -> TableEntry:
        if entry.capture.mode != REPLICATION:
            logger.warning(
                "table_not_streamed", table=str(entry.name), mode=entry.capture.mode, why=entry.capture.reason
            )
            return entry
        plan = plan_table(entry, prefix=self._settings.kafka.prefix, published=_published(catalog, entry.name))
        return replace(entry, schema_fingerprint=plan.fingerprint.hex())

    def _check_topics(self, stored: Stored) -> None:
        if stored.position is not None and stored.topics:
            gap_checks.check_topics(stored.topics, self._admin.topic_ids(list(stored.topics)))

    def _table(self, entry: TableEntry, catalog: Catalog | None) -> CapturedTable:
        prefix = self._settings.kafka.prefix
        published = _published(catalog, entry.name) if catalog else None
        plan = plan_table(entry, prefix=prefix, published=published)
        self._publisher.store_plan(plan)
        row = catalog.table(entry.name) if catalog else None
        return CapturedTable(
            entry=entry,
            plan=plan,
            encoder=self._encoder_of(plan),
            read=read_plan(
                entry,
                plan,
                row_filter=_row_filter(catalog, entry.name) if catalog else None,
                partitioned=row is not None and row.relation.kind == PARTITIONED_TABLE,
            ),
            relations=frozenset(relation.oid for relation in row.published) if row else frozenset(),
        )

    def _removed(self, stored: Stored, entries: dict[TableName, TableEntry]) -> list[CapturedTable]:
        """Tables of ours that are gone, or not selected any more: a last sweep takes their rows out (rule D1).

        A table recreated under the same name is not among them: its own scan sweeps what was before it.
        """
        gone = [
            entry
            for entry in stored.entries.values()
            if entry.source == self._settings.source
            and not entry.deleted
            and entry.capture.mode == REPLICATION
            and entry.name not in entries
        ]
        return [self._table(entry, None) for entry in gone]

    def _binary(self, captured: Iterable[TableEntry], catalog: Catalog) -> bool:
        published = {entry.name: _published(catalog, entry.name) for entry in captured}
        only_text = text_columns(captured, published)
        if only_text:
            logger.info("stream_in_text", because_of=only_text[:5], columns=len(only_text))
        return self._settings.binary and not only_text

    def _first_commit(self, ready: Ready) -> None:
        """Entries, topic ids and publication go out before anything that needs them, with the position."""
        publisher, stored = self._publisher, ready.stored
        changed = [entry for entry in ready.entries.values() if stored.entries.get(str(entry.name)) != entry]
        now_ms = time.time_ns() // 1_000_000
        for entry in changed:
            publisher.add(self._topics.tables, entry.record_key, entry.to_json(), now_ms)
        captured = {str(table.name) for table in ready.tables}
        for name, progress in stored.snapshots.items():
            if name not in captured:  # should it come back, nothing that was scanned before counts
                publisher.record(progress.record_key, None)
        ids = self._admin.topic_ids([table.topic for table in ready.tables])
        if ids != stored.topics:
            publisher.record(TOPICS_KEY, mapping_to_json("topics", ids))
        if ready.catalog.publication is not None:
            mark = publication_mark(ready.catalog.publication)
            if mark != stored.publication:
                publisher.record(PUBLICATION_KEY, mark.to_json())
        ready.position = replace(ready.position, version=ready.versions.last)
        if publisher.dirty or stored.position is None:
            publisher.commit(ready.position)


def _kept(known: TableEntry | None, entry: TableEntry) -> TableEntry:
    """The stored entry when nothing but version and row estimate differ, so that a restart writes nothing."""
    if known is None:
        return entry
    same = replace(entry, version=known.version, row_estimate=known.row_estimate)
    return known if same == known else entry


def _published(catalog: Catalog, name: TableName) -> tuple[str, ...] | None:
    """The columns that the publication sends of a table; None: all but the generated ones."""
    publication = catalog.publication
    if publication is not None and publication.generated_columns == "s":
        everything = tuple(column.name for column in catalog.table(name).relation.columns if column.generated != "v")
    else:
        everything = None
    relations = {relation.oid for relation in catalog.table(name).published} | {catalog.table(name).oid}
    for member in publication.members if publication else ():
        if member.relation_oid in relations and member.columns is not None:
            return member.columns
    return everything


def _row_filter(catalog: Catalog, name: TableName) -> str | None:
    """The publication's row filter of a table (rule S5)."""
    relations = {relation.oid for relation in catalog.table(name).published}
    for member in catalog.publication.members if catalog.publication else ():
        if member.relation_oid in relations and member.row_filter is not None:
            return member.row_filter
    return None
