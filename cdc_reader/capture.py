"""
One session of the reader, read from top to bottom: connect, take the lock, prepare, stream.

Whatever is opened is closed in the opposite order, so the slot is the last thing that is given up.

Keeps: P2.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

import structlog

from cdc_reader.metrics import ReaderMetrics
from cdc_reader.postgres.connections import Connection, connect
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.server import server_facts
from cdc_reader.postgres.server_requirements import server_requirements
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.ready import Ready
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.session import Edges, Session
from cdc_reader.settings import ReaderSettings
from cdc_reader.standby import take_lock
from cdc_reader.startup import Startup
from cdc_reader.transcode import IMPLEMENTATION, Encoder, TablePlan, make_encoder
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.tail import Tail
from schemas.errors import SlotBusy
from schemas.topics import Topics

logger = structlog.get_logger(__name__)
_SLOT_POLL_S = 0.1
_SLOT_WAIT_S = 10.0  # a walsender that ended frees its slot some milliseconds later
_TRANSACTION_TIMEOUT_S = 45.0


class SourceCapture:
    """Runs sessions, one after another. `reached`: a session came to stream, or to wait as standby, once."""

    def __init__(self, settings: ReaderSettings, *, drain: Drain, metrics: ReaderMetrics, health: Health) -> None:
        self._settings = settings
        self._drain = drain
        self._metrics = metrics
        self._health = health
        self._database_url = settings.secret_reader("database_url")
        self._application_name = f"rowferry-{settings.source}"
        self._admin = KafkaAdmin(settings.kafka)
        self._implementation = IMPLEMENTATION if settings.transcoder == "auto" else settings.transcoder
        self._stream: ReplicationStream | None = None
        self.reached = False
        logger.info("transcoder", implementation=self._implementation)

    def run(self, *, text_only: bool) -> None:
        """One session, from connecting to its end; `text_only`: the stream is asked for text."""
        settings = self._settings
        with ExitStack() as opened:
            connection = opened.enter_context(self._connect())
            facts = server_facts(connection, settings.slot)
            require(server_requirements(facts, application_name=self._application_name))
            stream = opened.enter_context(closing(self._open_stream()))
            if not take_lock(stream, settings, self._drain, self._standby):
                return
            self._admin.wait_until_reachable(settings.start_timeout_s, self._drain.is_stopping)
            publisher = opened.enter_context(closing(self._open_publisher()))
            startup = Startup(settings, connection=connection, stream=stream, publisher=publisher, admin=self._admin)
            ready = startup.prepare(self._encoder, text_only=text_only)
            self._start(stream, ready)
            side = opened.enter_context(closing(SideWork(self._connect, workers=settings.snapshot.workers + 1)))
            control = opened.enter_context(closing(self._open_control(ready)))
            edges = Edges(connection, stream, publisher, side, control)
            session = Session(settings, ready, edges, metrics=self._metrics, encoder_of=self._encoder)
            self._streaming(ready)
            restart = session.run(self._drain.is_stopping)
            if restart is not None:
                logger.info("session_restarts", reason=restart)

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
        )

    def _open_control(self, ready: Ready) -> Tail:
        kafka = self._settings.kafka
        return Tail(kafka, Topics(kafka.prefix).control, {0: ready.stored.control_next}, admin=self._admin)

    def _encoder(self, plan: TablePlan) -> Encoder:
        return make_encoder(plan, self._implementation)

    def _standby(self, reason: str) -> None:
        self.reached = True
        self._metrics.standby(reason)

    def _start(self, stream: ReplicationStream, ready: Ready) -> None:
        """START_REPLICATION; the slot may still be held by the walsender of the reader before us."""
        options = {
            "proto_version": "1",
            "publication_names": f'"{self._settings.publication}"',
            "messages": "true",
            "binary": "true" if ready.binary else "false",
        }
        deadline = time.monotonic() + _SLOT_WAIT_S
        while True:
            try:
                stream.start(self._settings.slot, Lsn(ready.position.restart_lsn), options)
                return
            except SlotBusy:
                if time.monotonic() > deadline or self._drain.wait(_SLOT_POLL_S):
                    raise

    def _streaming(self, ready: Ready) -> None:
        self.reached = True
        self._metrics.streaming()
        self._health.started()
        logger.info(
            "streaming",
            slot=self._settings.slot,
            at=str(Lsn(ready.position.restart_lsn)),
            tables=len(ready.tables.captured),
            binary=ready.binary,
        )
