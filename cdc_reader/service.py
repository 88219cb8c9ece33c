"""
Joins the reader's parts and keeps them running: connect, take the lock, prepare, stream; again after what may pass.

Rule P2: the lock is taken on the replication connection before anything is fenced; a second reader waits without
disturbing the first, and the lock is freed with the walsender.
"""

from __future__ import annotations

import os
import random
import threading
import time

import structlog

from cdc_reader.metrics import ReaderMetrics
from cdc_reader.postgres.advisory_lock import slot_lock
from cdc_reader.postgres.connections import Connection, connect, translated
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.server import server_facts
from cdc_reader.postgres.server_requirements import server_requirements
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.ready import Ready
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.session import Edges, Session, TextNeeded
from cdc_reader.settings import ReaderSettings
from cdc_reader.startup import Startup
from cdc_reader.transcode import IMPLEMENTATION, Encoder, TablePlan, make_encoder
from cdc_runtime.backoff import Backoff, Delays
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import Fenced
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.metrics import Metrics
from schemas.errors import NeighbourMissing, RowferryError, SettingsError, SlotBusy, TransientError
from schemas.topics import Topics

logger = structlog.get_logger(__name__)
_LOCK_POLL_S = 0.5
_SLOT_WAIT_S = 10.0  # a walsender that ended frees its slot some milliseconds later
_DELAYS = Delays(first_s=0.2, longest_s=30.0)
_TRANSACTION_TIMEOUT_S = 45.0


class Reader:
    """The service. `run` returns when `drain` asks for it; raises `FatalError` kinds that stop the process."""

    def __init__(self, settings: ReaderSettings, *, drain: Drain, metrics: Metrics, health: Health) -> None:
        if not settings.database_url.get_secret_value():
            raise SettingsError(
                "database_url: expected a PostgreSQL URL, got nothing",
                remedy="set ROWFERRY_DATABASE_URL=postgresql://user:password@host:5432/database",
            )
        self._settings = settings
        self._drain = drain
        self._health = health
        self._metrics = ReaderMetrics(metrics, health, slot=settings.slot)
        self._database_url = settings.secret_reader("database_url")
        self._application_name = f"rowferry-{settings.source}"
        self._admin = KafkaAdmin(settings.kafka)
        self._waiting: ReplicationStream | None = None
        drain.on_stop(self._on_stop)
        self._streamed = False
        self._text_only = False
        self._implementation = IMPLEMENTATION if settings.transcoder == "auto" else settings.transcoder
        logger.info("transcoder", implementation=self._implementation)

    def run(self) -> None:
        """Stream until told to stop; what may pass is tried again after growing pauses."""
        started = time.monotonic()
        backoff = Backoff(_DELAYS, random.random)
        while not self._drain.stopping:
            began = time.monotonic()
            try:
                with translated("use the source"):
                    self._session()
                backoff.succeeded()
                continue
            except TextNeeded as exc:
                logger.info("stream_in_text", because_of=str(exc))
                self._text_only = True
                continue
            except (TransientError, NeighbourMissing, Fenced) as exc:
                # Whoever holds the slot's lock is the reader (P2): a fence is our own, from before a long pause.
                if isinstance(exc, NeighbourMissing) and not self._streamed:
                    raise
                self._metrics.disturbed(exc)
                self._give_up_in_time(exc, began - started)
                if time.monotonic() - began > _DELAYS.longest_s:
                    backoff.succeeded()
                pause_s = backoff.failed()
                logger.warning("session_ended", reason=str(exc), again_in_s=round(pause_s, 2))
            finally:
                self._metrics.session_over()
                self._health.started()
            self._drain.wait(pause_s)

    def _give_up_in_time(self, exc: RowferryError, waited_s: float) -> None:
        """A neighbour that was never there is waited for `start_timeout_s`; one that was comes back."""
        if not self._streamed and waited_s >= self._settings.start_timeout_s:
            raise NeighbourMissing(
                f"{exc} (waited {self._settings.start_timeout_s:g} s)", neighbour=exc.neighbour, remedy=exc.remedy
            ) from exc

    def _connect(self) -> Connection:
        return connect(self._database_url() or "", application_name=f"{self._application_name}-reads")

    def _session(self) -> None:
        """One session, from connecting to its end."""
        settings = self._settings
        with self._connect() as connection:
            facts = server_facts(connection, settings.slot)
            require(server_requirements(facts, application_name=self._application_name))
            stream = ReplicationStream(
                self._database_url() or "",
                application_name=self._application_name,
                status_interval_s=settings.status_interval_s,
            )
            self._waiting = stream
            try:
                if self._locked(stream):
                    self._admin.wait_until_reachable(settings.start_timeout_s, self._drain.is_stopping)
                    self._with_publisher(connection, stream)
            finally:
                self._waiting = None
                stream.close()

    def _on_stop(self) -> None:
        """Told to stop: what waits is ended, and nothing outlasts the deadline."""
        waiting = self._waiting
        if waiting is not None:
            threading.Thread(target=waiting.cancel, name="cancel", daemon=True).start()
        deadline = threading.Timer(self._drain.remaining_s(), lambda: os._exit(0))
        deadline.daemon = True
        deadline.start()

    def _locked(self, stream: ReplicationStream) -> bool:
        """Take the slot's lock, or wait for it as standby; False when told to stop meanwhile."""
        lock = slot_lock(self._settings.slot)
        waiting = False
        while not self._drain.stopping:
            [(held,)] = stream.execute("SELECT pg_catalog.pg_try_advisory_lock({}, {})", *lock)
            if held in ("t", True):
                return True
            reason = f"another reader holds slot {self._settings.slot!r}"
            if not self._settings.standby:
                raise SlotBusy(reason, remedy="stop the other reader, or set standby: true to wait for it")
            if not waiting:
                logger.info("standby", reason=reason)
                waiting = True
            self._streamed = True
            self._metrics.standby(reason)
            self._drain.wait(_LOCK_POLL_S)
        return False

    def _with_publisher(self, connection: Connection, stream: ReplicationStream) -> None:
        settings = self._settings
        publisher = Publisher(
            settings.kafka,
            source=settings.source,
            start_timeout_s=settings.start_timeout_s,
            transaction_timeout_s=_TRANSACTION_TIMEOUT_S,
        )
        try:
            startup = Startup(
                settings,
                connection=connection,
                stream=stream,
                publisher=publisher,
                admin=self._admin,
                encoder_of=self._encoder,
            )
            ready = startup.prepare()
            ready.binary = ready.binary and not self._text_only
            self._start(stream, ready)
            self._stream(connection, stream, publisher, ready)
        finally:
            publisher.close()

    def _encoder(self, plan: TablePlan) -> Encoder:
        return make_encoder(plan, self._implementation)

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
                if time.monotonic() > deadline or self._drain.wait(_LOCK_POLL_S / 5):
                    raise

    def _stream(self, connection: Connection, stream: ReplicationStream, publisher: Publisher, ready: Ready) -> None:
        settings = self._settings
        control = Topics(settings.kafka.prefix).control
        side = SideWork(self._connect, workers=settings.snapshot.workers + 1)
        tail = Tail(settings.kafka, control, {0: ready.stored.control_next}, admin=self._admin)
        try:
            session = Session(
                settings,
                ready,
                Edges(connection, stream, publisher, side, tail),
                metrics=self._metrics,
                encoder_of=self._encoder,
            )
            self._streamed = True
            self._metrics.streaming()
            self._health.started()
            logger.info(
                "streaming",
                slot=settings.slot,
                at=str(Lsn(ready.position.restart_lsn)),
                tables=len(ready.tables),
                binary=ready.binary,
            )
            restart = session.run(self._drain.is_stopping)
            if restart is not None:
                logger.info("session_restarts", reason=restart)
        finally:
            tail.close()
            side.close()
