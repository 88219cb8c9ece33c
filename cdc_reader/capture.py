"""
One session of the reader, read from top to bottom: connect, take the lock, prepare, stream.

Whatever is opened is closed in the opposite order, so the slot is the last thing that is given up.

Keeps: P2.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

import structlog

from cdc_reader.discovery.catalog_rows import SetAside
from cdc_reader.metrics import ReaderMetrics
from cdc_reader.own_messages import OwnMessages
from cdc_reader.polling.work import RowLists
from cdc_reader.postgres.connections import Connection, connect
from cdc_reader.postgres.encodings import characters_of
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.plugins import WAL2JSON
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.server import server_facts
from cdc_reader.postgres.server_requirements import server_requirements
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.ready import Ready
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.session import Edges, Session
from cdc_reader.settings import ReaderSettings
from cdc_reader.slot_stream import Opening, start_stream, with_plugin
from cdc_reader.standby import take_lock
from cdc_reader.startup import Startup
from cdc_reader.tables.troubles import Troubles
from cdc_reader.transcode import IMPLEMENTATION, Encoder, TablePlan, make_encoder
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import TopicRefused
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.neighbours import Neighbours
from schemas.topics import Topics

logger = structlog.get_logger(__name__)
_TRANSACTION_TIMEOUT_S = 45.0


class SourceCapture:
    """Runs sessions, one after another. `reached`: a session came to stream, or to wait as standby, once."""

    def __init__(
        self,
        settings: ReaderSettings,
        *,
        drain: Drain,
        metrics: ReaderMetrics,
        health: Health,
        neighbours: Neighbours,
    ) -> None:
        self._settings = settings
        self._drain = drain
        self._metrics = metrics
        self._health = health
        self._neighbours = neighbours
        self._database_url = settings.secret_reader("database_url")
        self._application_name = f"rowferry-{settings.source}"
        self._admin = KafkaAdmin(settings.kafka)
        self._implementation = IMPLEMENTATION if settings.transcoder == "auto" else settings.transcoder
        self._stream: ReplicationStream | None = None
        self._troubles = Troubles()
        self._lists = RowLists(settings.polling.directory)
        self._messages = OwnMessages()
        self._names_topics = False
        self.reached = False
        logger.info("transcoder", implementation=self._implementation)

    def run(self, *, text_only: bool) -> None:
        """One session, from connecting to its end; `text_only`: the stream is asked for text."""
        settings = self._settings
        self._neighbours.preparing()
        with ExitStack() as opened:
            connection = opened.enter_context(self._connect())
            facts = server_facts(connection, settings.slot)
            stream = opened.enter_context(closing(self._open_stream()))
            if not take_lock(stream, settings, self._drain, self._standby):
                return
            self._neighbours.preparing()
            self._admin.wait_until_reachable(settings.start_timeout_s, self._drain.is_stopping)
            settings = with_plugin(settings, connection)
            publisher = opened.enter_context(closing(self._open_publisher()))
            opened.callback(self._dropped, publisher)
            startup = Startup(
                settings,
                connection=connection,
                stream=stream,
                publisher=publisher,
                admin=self._admin,
                troubles=self._troubles,
                waiting=self._metrics.waiting,
            )
            startup.check_origin()
            require(server_requirements(facts, application_name=self._application_name, failover=settings.failover))
            ready = startup.prepare(self._encoder, text_only=text_only or self._in_text(settings, connection))
            opening = Opening(stream, connection, wait=self._drain.wait, slot=facts.slot)
            source = start_stream(opening, settings, ready)
            side = opened.enter_context(closing(SideWork(self._connect, workers=self._workers(ready))))
            control = opened.enter_context(closing(self._open_control(ready)))
            edges = Edges(connection, source, publisher, side, control, self._admin, self._lists)
            session = Session(
                settings,
                ready,
                edges,
                metrics=self._metrics,
                encoder_of=self._encoder,
                troubles=self._troubles,
                messages=self._messages,
            )
            self._streaming(ready, settings.plugin)
            try:
                restart = session.run(self._drain.is_stopping)
            except TopicRefused as exc:
                self._refused(exc, ready)
                raise
            if restart is not None:
                logger.info("session_restarts", reason=restart)

    def _workers(self, ready: Ready) -> int:
        polls = self._settings.polling.workers if ready.tables.polled else 0
        return self._settings.snapshot.workers + polls + 1

    def close(self) -> None:
        """Remove what was kept for the life of the process."""
        self._lists.close()

    def _in_text(self, settings: ReaderSettings, connection: Connection) -> bool:
        """Whether no values are asked for in binary: wal2json prints none.

        Nor where texts come as they are stored, and are recoded here: those of values in binary would not be found.
        """
        recode = characters_of(connection).recode
        if recode:
            encoding = connection.info.parameter_status("server_encoding")
            logger.info("stream_in_text", because_of=f"the database's encoding: {encoding}")
        return recode or settings.plugin == WAL2JSON

    def ask_kafka(self, timeout_s: float) -> None:
        """Return when a broker answers; raises our errors."""
        self._admin.ask(timeout_s)

    def cancel(self) -> None:
        """End what the replication connection waits for, from another thread."""
        if self._stream is not None:
            self._stream.cancel()

    def _connect(self) -> Connection:
        return connect(self._database_url() or "", application_name=f"{self._application_name}-reads")

    def _open_stream(self) -> ReplicationStream:
        self._stream = ReplicationStream(
            self._database_url() or "",
            application_name=self._application_name,
            status_interval_s=self._settings.status_interval_s,
        )
        return self._stream

    def _open_publisher(self) -> Publisher:
        settings = self._settings
        return Publisher(
            settings.kafka,
            source=settings.source,
            start_timeout_s=settings.start_timeout_s,
            transaction_timeout_s=_TRANSACTION_TIMEOUT_S,
            names_topics=self._names_topics,
        )

    def _refused(self, exc: TopicRefused, ready: Ready) -> None:
        """The table whose topic takes no records is set aside by the next session (rule D8), or the next one names it.

        Nothing is lost: the transaction did not happen, for the others neither.
        """
        tables = {table.topic: table.name for table in (*ready.tables.published, *ready.tables.removed)}
        table = tables.get(exc.topic)
        self._names_topics = table is None
        if table is not None:
            found = SetAside(f"its topic takes no records: {exc.found}", exc.remedy or "")
            self._troubles.met(table, found, time.monotonic(), in_use=True)

    def _dropped(self, publisher: Publisher) -> None:
        if publisher.is_open:
            self._metrics.aborted()

    def _open_control(self, ready: Ready) -> Tail:
        kafka = self._settings.kafka
        return Tail(kafka, Topics(kafka.prefix).control, {0: ready.stored.control_next}, admin=self._admin)

    def _encoder(self, plan: TablePlan) -> Encoder:
        return make_encoder(plan, self._implementation)

    def _standby(self, reason: str) -> None:
        self.reached = True
        self._neighbours.prepared()
        self._metrics.standby(reason)

    def _streaming(self, ready: Ready, plugin: str) -> None:
        self.reached = True
        self._neighbours.prepared()
        self._metrics.streaming()
        self._metrics.not_streamed(ready.tables.not_streamed)
        self._health.started()
        logger.info(
            "streaming",
            slot=self._settings.slot,
            plugin=plugin,
            at=str(Lsn(ready.position.restart_lsn)),
            tables=len(ready.tables.captured),
            polled=len(ready.tables.polled),
            binary=ready.binary,
        )
