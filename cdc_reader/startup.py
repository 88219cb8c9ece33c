"""
From connections to a session that may stream: everything is read, compared and made ready, or refused.

The order is the guarantee: lock (P2), fence, read to the true end (P1), compare (D1, D2, D6, D7, P3, P4, P5),
schemas before events (P10). Nothing is published before all of it agrees.

Keeps: P1, P2, P10, D2, V8.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import structlog

from cdc_reader.discovery.captures import REPLICATION, capture_of
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.publication import publication_mark, publication_plan
from cdc_reader.discovery.publication_changes import apply_publication_plan
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server import flush_lsn, slot_row, xids_in_sync_rep
from cdc_reader.postgres.slot_requirements import PLUGIN
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.postgres.timelines import switch_point
from cdc_reader.progress import gap_checks
from cdc_reader.progress.ready import Ready
from cdc_reader.progress.start_position import prove_position
from cdc_reader.progress.stored import StoredProgress, published_versions, read_stored
from cdc_reader.progress.versions import Versions, seed
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.settings import ReaderSettings
from cdc_reader.tables.captured import EncoderOf
from cdc_reader.tables.planned import PlannedTables, TopicSettings, plan_tables
from cdc_runtime.kafka.admin import KafkaAdmin
from schemas.offsets import PUBLICATION_KEY, TOPICS_KEY, Position, mapping_to_json
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
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._stream = stream
        self._publisher = publisher
        self._admin = admin
        self._topics = Topics(settings.kafka.prefix)
        self._selection = Selection.of(settings.tables, settings.exclude)

    def prepare(self, encoder_of: EncoderOf, *, text_only: bool = False) -> Ready:
        """All steps; the lock is held. Raises `GapFound`, `SlotLost`, `ServerSetting`, `AccessDenied` ...

        `text_only`: the stream is asked for text whatever the settings say.
        """
        self._ensure_own_topics()
        self._publisher.fence()
        stored = read_stored(self._settings.kafka, self._settings.source, self._admin)
        catalog = self._catalog(stored)
        position = self._position(stored.position)
        versions = Versions(self._version(stored))
        tables = self._tables(catalog, stored, versions, encoder_of)
        ready = Ready(
            stored=stored,
            position=replace(position, version=versions.last),
            versions=versions,
            catalog=catalog,
            tables=tables,
            binary=self._settings.binary and not text_only and not tables.text_only,
            not_visible=frozenset(xids_in_sync_rep(self._connection)),
        )
        self._first_commit(ready)
        return ready

    def _ensure_own_topics(self) -> None:
        topics = self._topics
        self._admin.ensure_topics(
            [
                directory_topic(topics.schemas),
                directory_topic(topics.tables),
                directory_topic(topics.control),
                offsets_topic(topics.offsets(self._settings.source)),
            ]
        )

    def _catalog(self, stored: StoredProgress) -> Catalog:
        """The catalog, after the publication has what it needs (D2 is compared before we change anything)."""
        name = self._settings.publication
        # A table that was captured and is gone now leaves the topics; it is no mistake in the settings.
        selection = replace(self._selection, required=stored.position is None)
        catalog = read_catalog(self._connection, selection, publication=name)
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
        return read_catalog(self._connection, selection, publication=name)

    def _position(self, stored: Position | None) -> Position:
        """The stored position, proved to fit the server; or a new one, which means everything (rule P5)."""
        name = self._settings.slot
        server = self._server(stored)
        slot = slot_row(self._connection, name)
        if slot is None and stored is None:
            slot = SlotRow(PLUGIN, server.database, self._create_slot(), None, "reserved")
        return prove_position(stored, server, slot, slot_name=name, incarnation=uuid.uuid4().hex)

    def _server(self, stored: Position | None) -> gap_checks.ServerPosition:
        [(system_id, timeline, _, database)] = self._stream.execute("IDENTIFY_SYSTEM")
        switch_lsn = None
        if stored is not None and stored.timeline != int(timeline):
            [(_, history)] = self._stream.execute(f"TIMELINE_HISTORY {int(timeline)}")
            text = history if isinstance(history, str) else bytes(history).decode("utf-8", "replace")
            switch_lsn = switch_point(text, stored.timeline)
        flushed = flush_lsn(self._connection)
        return gap_checks.ServerPosition(str(system_id), int(timeline), flushed, str(database), switch_lsn)

    def _create_slot(self) -> int:
        """Create the slot; it waits for all transactions that run now. Returns where it begins."""
        logger.info("slot_is_created", slot=self._settings.slot, waits_for="transactions that are open now")
        [row] = self._stream.execute(
            f'CREATE_REPLICATION_SLOT "{self._settings.slot}" LOGICAL {PLUGIN} NOEXPORT_SNAPSHOT'
        )
        return Lsn.parse(str(row[1])).value

    def _version(self, stored: StoredProgress) -> int:
        """The version to begin above (rule V8)."""
        known = [self._settings.version_seed]
        if stored.position is not None:
            known.append(stored.position.version)
        else:
            topics = {entry.topic for entry in stored.entries.values() if entry.source == self._settings.source}
            known += published_versions(self._settings.kafka, topics & set(self._admin.topics()), self._admin)
            known += [entry.version for entry in stored.entries.values()]
        return seed(known, now_us=time.time_ns() // 1000)

    def _tables(
        self, catalog: Catalog, stored: StoredProgress, versions: Versions, encoder_of: EncoderOf
    ) -> PlannedTables:
        """The tables, compared with what is stored; their topics and schemas are there then (rule P10)."""
        kafka = self._settings.kafka
        existing = self._admin.partition_counts([self._topics.table(table.name) for table in catalog.tables])
        planned = plan_tables(
            catalog,
            stored.entries,
            TopicSettings(self._settings.source, kafka.prefix, kafka.partitions, existing),
            version=versions.next(time.time_ns() // 1000),
            encoder_of=encoder_of,
        )
        _log(planned)
        gap_checks.check_entries(stored.entries, {str(name): entry for name, entry in planned.entries.items()})
        if stored.position is not None and stored.topics:
            gap_checks.check_topics(stored.topics, self._admin.topic_ids(list(stored.topics)))
        self._admin.ensure_topics([table_topic(table.topic, table.entry.partitions) for table in planned.captured])
        for table in (*planned.captured, *planned.removed):
            self._publisher.store_plan(table.plan)
        return planned

    def _first_commit(self, ready: Ready) -> None:
        """Entries, topic ids and publication go out before anything that needs them, with the position."""
        publisher, stored, tables = self._publisher, ready.stored, ready.tables
        now_ms = time.time_ns() // 1_000_000
        for entry in tables.entries.values():
            if stored.entries.get(str(entry.name)) != entry:
                publisher.add(self._topics.tables, entry.record_key, entry.to_json(), now_ms)
        captured = {str(table.name) for table in tables.captured}
        for name, progress in stored.snapshots.items():
            if name not in captured:  # should it come back, nothing that was scanned before counts
                publisher.record(progress.record_key, None)
        ids = self._admin.topic_ids([table.topic for table in tables.captured])
        if ids != stored.topics:
            publisher.record(TOPICS_KEY, mapping_to_json("topics", ids))
        if ready.catalog.publication is not None:
            mark = publication_mark(ready.catalog.publication)
            if mark != stored.publication:
                publisher.record(PUBLICATION_KEY, mark.to_json())
        if publisher.dirty or stored.position is None:
            publisher.commit(ready.position)


def _log(planned: PlannedTables) -> None:
    for entry in planned.not_streamed:
        logger.warning("table_not_streamed", table=str(entry.name), mode=entry.capture.mode, why=entry.capture.reason)
    if planned.text_only:
        logger.info("stream_in_text", because_of=planned.text_only[:5], columns=len(planned.text_only))
