"""
From connections to a session that may stream: everything is read, compared and made ready, or refused.

The order is the guarantee: lock (P2), whose position it is (P12), fence, read to the true end (P1), compare (D1, D2,
D6, D7, P3, P4, P5); only then publication and slot are changed, and schemas made (P10). Nothing is published before all
of it agrees.

Keeps: P1, P2, P10, P12, D1, D2, D9, V8.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from cdc_reader.discovery.captures import POLLING, REPLICATION, capture_of
from cdc_reader.discovery.catalog import read_streamed
from cdc_reader.discovery.catalog_rows import Catalog, ServerRow, SetAside
from cdc_reader.discovery.forbidden_tables import with_forbidden, without_set_aside
from cdc_reader.discovery.key_changes import binding, with_set_aside
from cdc_reader.discovery.publication import PublicationPlan, publication_mark, publication_plan
from cdc_reader.discovery.publication_changes import apply_publication_plan
from cdc_reader.discovery.row_filters import stored_filters, with_known_filters
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.open_transactions import LOOK, open_transactions
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server import slot_row
from cdc_reader.postgres.server_requirements import raised_by_slot
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.postgres.visible_reads import snapshot_behind_all
from cdc_reader.progress import gap_checks
from cdc_reader.progress.first_commit import Found, first_commit
from cdc_reader.progress.gap_checks import ServerPosition
from cdc_reader.progress.origins import Owner, check_entries_database, check_owner
from cdc_reader.progress.ready import Ready
from cdc_reader.progress.renamed_source import names_of_before
from cdc_reader.progress.server_position import identify, server_position
from cdc_reader.progress.start_position import first_position, prove_position
from cdc_reader.progress.stored import StoredProgress, published_versions, read_owner, read_stored
from cdc_reader.progress.unseen_transactions import UnseenTransactions, still_unseen
from cdc_reader.progress.versions import Versions, seed
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.settings import ReaderSettings
from cdc_reader.snapshot.outdated import outdated_scans, read_definitions, voided
from cdc_reader.tables.captured import EncoderOf
from cdc_reader.tables.planned import PlannedTables, TopicSettings, plan_tables
from cdc_reader.tables.topic_names import topic_of, with_names_checked
from cdc_reader.tables.troubles import Troubles, with_troubles
from cdc_runtime.kafka.admin import KafkaAdmin
from schemas.errors import AccessDenied, RowferryError
from schemas.names import TableName
from schemas.offsets import Position, SourceMark
from schemas.topics import Topics, directory_topic, offsets_topic, schemas_topic, table_topic

logger = structlog.get_logger(__name__)
_XIDS_LOGGED = 5


class Startup:
    """One start: `check_origin`, then `prepare`; every method is a step, called in its order.

    `waiting` is told for whom it waits, where it may take long.
    """

    def __init__(
        self,
        settings: ReaderSettings,
        *,
        connection: Connection,
        stream: ReplicationStream,
        publisher: Publisher,
        admin: KafkaAdmin,
        troubles: Troubles,
        waiting: Callable[[str | None], None],
    ) -> None:
        self._settings = settings
        self._waiting = waiting
        self._connection = connection
        self._stream = stream
        self._publisher = publisher
        self._admin = admin
        self._troubles = troubles
        self._identity = identify(stream)
        self._topics = Topics(settings.kafka.prefix)
        self._selection = Selection.by(settings)
        polling = settings.polling
        self._timestamps = polling.by_table(polling.timestamp_columns, "polling.timestamp_columns")
        self._existing: dict[str, int] = {}
        self._all_topics: list[str] = []
        self._denied: set[str] = set()
        self._lost: set[str] = set()
        self._left: set[TableName] = set()

    def check_origin(self) -> None:
        """Whose position and topics they are, compared before anything is changed, or a reader fenced (P12, D7).

        Raises `SettingsError` in another database, or on another server.
        """
        stored = read_owner(self._settings.kafka, self._settings.source, self._admin)
        check_owner(stored, self._identity.origin)

    def prepare(self, encoder_of: EncoderOf, *, text_only: bool = False) -> Ready:
        """All steps; the lock is held. Raises `GapFound`, `SlotLost`, `ServerSetting`, `AccessDenied` ...

        `text_only`: the stream is asked for text whatever the settings say.
        """
        self._ensure_own_topics()
        self._publisher.fence()
        stored = read_stored(self._settings.kafka, self._settings.source, self._admin)
        self._look_at_stored(stored)
        self._all_topics = self._admin.topics()
        server, slot, proved = self._proved(stored)
        ids = self._first_look(stored)
        catalog = self._catalog(stored)
        if self._look_at({topic_of(self._topics, table.name): table.name for table in catalog.tables}):
            catalog = self._judgement(stored)(catalog)
        selected = {str(table.name) for table in catalog.tables}
        stored.renamed = names_of_before(stored, selected, self._source(), self._settings, self._admin)
        versions = Versions(self._version(stored))
        tables = self._compared(catalog, stored, versions, encoder_of)
        # All agrees: from here on things are changed.
        if self._publish(catalog):
            catalog = self._catalog(stored)
            tables = self._compared(catalog, stored, versions, encoder_of)
        position = proved or self._first_position(server, slot, catalog)
        if self._make_topics(tables):
            catalog = self._judgement(stored)(catalog)
            tables = self._compared(catalog, stored, versions, encoder_of)
        for table in (*tables.published, *tables.removed):
            self._publisher.store_plan(table.plan)
        self._tell(tables, catalog, stored)
        unseen = self._unseen(position)
        outdated = outdated_scans(stored.snapshots, stored.entries, [table.entry for table in tables.captured])
        read = read_definitions(stored.snapshots, stored.definitions, tables.captured, catalog)
        topics = self._last_look(stored, tables, ids)
        outdated |= voided(stored.snapshots, read.causes | self._gaps(tables))
        stored.snapshots.update(outdated)
        ready = Ready(
            stored=stored,
            position=replace(position, version=versions.last, unseen=unseen.to_store()),
            versions=versions,
            catalog=catalog,
            tables=tables,
            binary=self._settings.binary and not text_only and not tables.text_only,
            unseen=unseen,
            judged=self._judgement(stored),
            topics=topics,
        )
        first_commit(ready, Found(self._source(), outdated.values(), read.marks), self._publisher, self._topics.tables)
        stored.definitions.update(read.marks)
        return ready

    def _source(self) -> SourceMark:
        origin = self._identity.origin
        return SourceMark(origin.system_id or "", origin.database, self._settings.slot)

    def _ensure_own_topics(self) -> None:
        topics = self._topics
        self._admin.ensure_topics(
            [
                schemas_topic(topics.schemas),
                directory_topic(topics.tables),
                directory_topic(topics.control),
                offsets_topic(topics.offsets(self._settings.source)),
            ]
        )

    def _proved(self, stored: StoredProgress) -> tuple[ServerPosition, SlotRow | None, Position | None]:
        """Server and slot as they are; with a stored position it is proved to fit both."""
        position, origin = stored.position, self._identity.origin
        check_owner(Owner(position, stored.source), origin)  # it may have come to be since `check_origin` was asked
        if position is None and stored.source is None:
            check_entries_database(stored.entries.values(), self._settings.source, origin)
        server = server_position(self._stream, self._connection, self._identity, position)
        slot = slot_row(self._connection, self._settings.slot)
        settings = self._settings
        proved = prove_position(position, server, slot, slot_name=settings.slot, plugin=settings.plugin)
        return server, slot, proved

    def _catalog(self, stored: StoredProgress) -> Catalog:
        """The catalog; its publication is the one whose changes were read (rule D2).

        What we alter ourselves is no gap: it adds tables, and removes those that are not streamed.
        """
        catalog = self._read_catalog(stored)
        if stored.publication is not None and stored.position is not None:
            mark = publication_mark(catalog.publication) if catalog.publication else None
            streamed = [table for table in catalog.tables if capture_of(table).mode == REPLICATION]
            relations = {relation.oid: table.name for table in streamed for relation in table.published}
            self._left = gap_checks.check_publication(stored.publication, mark, relations)
        return catalog

    def _read_catalog(self, stored: StoredProgress) -> Catalog:
        # A table that was captured and is gone now leaves the topics; it is no mistake in the settings.
        selection = replace(self._selection, required=stored.position is None)
        catalog = read_streamed(self._connection, selection, self._settings)
        return self._judgement(stored)(with_known_filters(catalog, stored_filters(stored.publication), stored.entries))

    def _judgement(self, stored: StoredProgress) -> Callable[[Catalog], Catalog]:
        """Sets tables aside (rule D8): those that break with their topics (rule D6), or that something else forbids.

        For as long as the topics are what they are, and what was met until now has not passed.
        """
        bound, partitions = binding(stored.entries, self._existing), dict(self._existing)
        names, troubles = list(self._all_topics), self._troubles.waiting(time.monotonic())

        def judged(catalog: Catalog) -> Catalog:
            fitting = with_set_aside(catalog, bound, partitions)
            named = with_names_checked(fitting, self._topics, names)
            return with_troubles(with_forbidden(named, troubles), troubles)

        return judged

    def _look_at_stored(self, stored: StoredProgress) -> None:
        entries = stored.entries.values()
        self._look_at({entry.topic: entry.name for entry in entries})
        # Of those that we may not look at, what we know is all that there is.
        self._existing |= {entry.topic: entry.partitions for entry in entries if entry.topic in self._denied}

    def _look_at(self, tables: Mapping[str, TableName]) -> bool:
        """See which topics exist, and whether there are some that we may not write to: that is their tables' trouble.

        `tables` by topic.
        """
        topics = set(tables) - {""} - self._existing.keys() - self._denied
        now, denied = time.monotonic(), self._admin.denied(topics)
        for topic in denied.keys() - {topic_of(self._topics, each) for each in self._troubles.waiting(now)}:
            self._troubles.met(tables[topic], _without_topic(denied[topic]), now)
        self._denied |= denied.keys()
        self._existing |= self._admin.partition_counts(sorted(topics - denied.keys()))
        return bool(denied)

    def _first_look(self, stored: StoredProgress) -> dict[str, str]:
        """The ids of the topics that hold published rows; where we may not look, nobody says that it is another.

        Raises `GapFound` when none of them is there (rule P5).
        """
        known = {topic: topic_id for topic, topic_id in stored.topics.items() if topic in self._denied}
        ids = known | self._admin.topic_ids([topic for topic in stored.topics if topic not in known])
        if stored.position is not None:
            gap_checks.lost_topics(stored.topics, ids)
        return ids

    def _last_look(self, stored: StoredProgress, tables: PlannedTables, ids: Mapping[str, str]) -> dict[str, str]:
        """The ids that are recorded, by captured topic: a topic that is another by now is lost, too (rule P5)."""
        captured = {table.topic for table in tables.published}
        now = self._admin.topic_ids(sorted(captured))
        if stored.position is not None:
            others = {topic: topic_id for topic, topic_id in ids.items() if topic not in captured}
            self._lost = gap_checks.lost_topics(stored.topics, others | now)
        return now

    def _publish(self, catalog: Catalog) -> bool:
        """Give the publication what it needs; whether anything was changed."""
        name = self._settings.publication
        plan = publication_plan(catalog, name)
        if plan.statements:
            logger.info("publication_changes", publication=name, added=len(plan.added), removed=len(plan.removed))
            try:
                failed = apply_publication_plan(self._connection, plan)
            except AccessDenied as exc:
                if catalog.publication is not None:
                    raise
                # Whoever may make it may also add the tables that we may not.
                whole = publication_plan(without_set_aside(catalog), name)
                raise AccessDenied.of(exc, remedy=whole.remedy) from exc
            self._not_published(plan, failed)
        return bool(plan.statements)

    def _not_published(self, plan: PublicationPlan, failed: Mapping[TableName, RowferryError]) -> None:
        """What could not be added is set aside, or waits (rule D8); what stays a member is not streamed anyway."""
        for relation, exc in failed.items():
            if relation in plan.added:
                found = SetAside(f"it cannot be added to the publication: {exc}", exc.remedy or "")
                self._troubles.met(relation, found, time.monotonic())
            else:
                logger.warning("table_stays_published", table=str(relation), reason=str(exc))

    def _first_position(self, server: ServerPosition, slot: SlotRow | None, catalog: Catalog) -> Position:
        """A new position, which means everything (rule P5); the publication is there before its slot."""
        lsn = self._create_slot(catalog.server) if slot is None else slot.confirmed_lsn
        return first_position(server, lsn, slot_name=self._settings.slot, incarnation=uuid.uuid4().hex)

    def _unseen(self, position: Position) -> UnseenTransactions:
        """What earlier sessions delivered, and no snapshot sees yet (rule S1)."""
        snapshot = snapshot_behind_all(self._connection)
        waiting = still_unseen(position.unseen, snapshot)
        if waiting:
            named = {"xids": sorted(waiting)[:_XIDS_LOGGED], "waits_for": open_transactions(self._connection, waiting)}
            logger.info("snapshots_wait_for_transactions", count=len(waiting), **named)
        return UnseenTransactions(snapshot, waiting)

    def _create_slot(self, server: ServerRow) -> int:
        """Create the slot; it waits for all transactions that run now. Returns where it begins."""
        waits_for = open_transactions(self._connection)
        words = [f"transactions that are open, for a new slot: {', '.join(waits_for)}"] if waits_for else []
        if (raised := raised_by_slot(server.version, server.wal_level)) is not None:
            logger.info("slot_waits_for_checkpoint", slot=self._settings.slot, wal_level=server.wal_level)
            words.append(raised)
        self._waiting("; ".join(words) or None)
        logger.info("slot_is_created", slot=self._settings.slot, waits_for=waits_for, look=LOOK)
        settings = self._settings
        options = "(SNAPSHOT 'nothing', FAILOVER)" if settings.failover else "NOEXPORT_SNAPSHOT"
        [row] = self._stream.execute(f'CREATE_REPLICATION_SLOT "{settings.slot}" LOGICAL {settings.plugin} {options}')
        return Lsn.parse(str(row[1])).value

    def _version(self, stored: StoredProgress) -> int:
        """The version to begin above (rule V8)."""
        known = [self._settings.version_seed]
        if stored.position is not None:
            known.append(stored.position.version)
        if stored.position is None or stored.renamed:
            ours = (self._settings.source, *stored.renamed)
            topics = {entry.topic for entry in stored.entries.values() if entry.source in ours}
            there = topics & set(self._admin.topics()) - self._denied
            known += published_versions(self._settings.kafka, there, self._admin)
            known += [entry.version for entry in stored.entries.values()]
        return seed(known, now_us=time.time_ns() // 1000)

    def _compared(
        self, catalog: Catalog, stored: StoredProgress, versions: Versions, encoder_of: EncoderOf
    ) -> PlannedTables:
        """The tables, compared with what is stored."""
        kafka = self._settings.kafka
        planned = plan_tables(
            catalog,
            stored.entries,
            TopicSettings(
                self._settings.source, kafka.prefix, kafka.partitions, self._existing, stored.renamed, self._timestamps
            ),
            version=versions.next(time.time_ns() // 1000),
            encoder_of=encoder_of,
        )
        entries = {str(name): entry for name, entry in planned.entries.items()}
        gap_checks.check_entries(stored.entries, entries, stored.renamed)
        waiting = self._troubles.waiting(time.monotonic())
        return replace(planned, removed=[table for table in planned.removed if table.name not in waiting])

    def _make_topics(self, planned: PlannedTables) -> bool:
        """Topics are there before the first event; whether some cannot be had, which sets their tables aside (D8)."""
        tables = {table.topic: table for table in planned.published}
        failed = self._admin.ensure_each(table_topic(name, each.entry.partitions) for name, each in tables.items())
        for topic, exc in failed.items():
            self._troubles.met(tables[topic].name, _without_topic(exc), time.monotonic())
        return bool(failed)

    def _gaps(self, planned: PlannedTables) -> dict[str, str]:
        """The captured tables that must be read again, and why: changes of them alone are missing (rules D2, P5)."""
        found = {str(name): "it left the publication for a time" for name in self._left}
        found |= {str(each.name): "its topic was made again" for each in planned.captured if each.topic in self._lost}
        for name, cause in found.items():
            logger.warning("table_read_again", table=name, cause=cause)
        return found

    def _tell(self, planned: PlannedTables, catalog: Catalog, stored: StoredProgress) -> None:
        """Tell of what is captured otherwise than before: once, however many sessions follow."""
        left = (entry.name for entry in stored.entries.values() if not entry.deleted)
        self._troubles.over(catalog, left, (table.name for table in planned.removed))
        for entry in self._troubles.news(planned.entries):
            name, capture = str(entry.name), entry.capture
            if capture.mode == REPLICATION:
                logger.info("table_streamed_again", table=name)
                continue
            if capture.mode == POLLING:
                logger.info("table_polled", table=name, why=capture.reason)
                continue
            aside = catalog.table(entry.name).set_aside
            more = {} if aside is None else {"remedy": aside.remedy}
            logger.warning("table_not_streamed", table=name, mode=capture.mode, why=capture.reason, **more)
        self._tell_leaves(planned, catalog)
        if planned.text_only:
            logger.info("stream_in_text", because_of=planned.text_only[:5], columns=len(planned.text_only))

    def _tell_leaves(self, planned: PlannedTables, catalog: Catalog) -> None:
        """Tell of partitions that wait, or do no longer."""
        for name, leaf, reason in self._troubles.leaf_news(planned.entries):
            table = catalog.by_name.get(name)
            waiting, published = (table.waiting, table.published) if table is not None else ((), ())
            found = {str(each.relation.name): each.why for each in waiting}.get(leaf)
            if found is not None:
                more = {"remedy": found.remedy} if found.remedy else {}
                logger.warning("partition_not_streamed", table=str(name), partition=leaf, why=reason, **more)
            elif any(str(each.name) == leaf for each in published):
                logger.info("partition_streamed", table=str(name), partition=leaf)


def _without_topic(problem: RowferryError) -> SetAside:
    return SetAside(f"its topic cannot be used: {problem}", problem.remedy or "")
