"""Joins the concrete objects of the sink, waits for its neighbours, runs it, and drains it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import structlog
import uvloop
import yaml

from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.service import Context
from cdc_runtime.throttle import Throttle
from schemas.errors import Neighbour, NeighbourMissing, SettingsError, TransientError
from schemas.topics import Topics, failure_topic
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.documents.mapping import DocumentMapping, parse_mapping
from vespa_sink.documents.plans import Plans
from vespa_sink.documents.record import Shape
from vespa_sink.documents.samples import PROBE_USER_ID, samples
from vespa_sink.group_member import GroupMember
from vespa_sink.intake.backpressure import Backpressure, Bounds
from vespa_sink.intake.dead_letters import DeadLetters
from vespa_sink.intake.followed_tables import FollowedTables
from vespa_sink.intake.position_check import PositionCheck
from vespa_sink.metrics import SinkMetrics
from vespa_sink.parts import Parts
from vespa_sink.settings import SinkSettings, VespaSettings
from vespa_sink.sink import Sink
from vespa_sink.vespa.answers import Verdict, stop_error, verdict
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.index_owner import foreign_prefix
from vespa_sink.vespa.operations import Limits, Operation, probe
from vespa_sink.vespa.searches import Index, owner_of
from vespa_sink.vespa.sweeper import FloorSweeper
from vespa_sink.writes.breaker import Breaker, Thresholds
from vespa_sink.writes.composer import Composer, Names
from vespa_sink.writes.future_versions import FutureVersions
from vespa_sink.writes.write_order import WriteOrder
from vespa_sink.writes.writer import Means, Writer

_log = structlog.get_logger(__name__)
_PING_S = 0.25
_LEAST_IN_FLIGHT = 2


def run(context: Context[SinkSettings]) -> None:
    """The body of the service: run the sink until the drain asks for the end. Raises our errors."""
    settings, drain, health = context.settings, context.drain, context.health
    mapping = read_mapping(settings.mapping_file)
    health.started()
    admin = KafkaAdmin(settings.kafka)
    if not _wait_for_kafka(settings, admin, drain):
        return
    tables = FollowedTables(settings.kafka, admin)
    service = _Service(settings, mapping, admin, tables=tables, health=health, drain=drain)
    with contextlib.closing(tables), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(service.run(SinkMetrics(context.metrics, settings.group)))


def read_mapping(path: Path | None) -> DocumentMapping:
    """The document mapping in a YAML file; the defaults without one. Raises `SettingsError`."""
    if path is None:
        return DocumentMapping()
    try:
        return parse_mapping(yaml.safe_load(path.read_text("utf-8")), path.name)
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"mapping_file: expected a file that can be read at {path}, got {exc}") from exc
    except yaml.YAMLError as exc:
        raise SettingsError(f"mapping_file: expected YAML in {path.name}, got a syntax error") from exc


def limits_of(settings: VespaSettings) -> Limits:
    """The limits of requests."""
    return Limits(settings.max_document_bytes, int(settings.timeout_s * 1000))


def client_of(settings: VespaSettings) -> VespaClient:
    """The connection to Vespa."""
    return VespaClient(
        settings.url,
        query_url=settings.query_url,
        connections=settings.max_connections,
        timeout_s=settings.timeout_s,
    )


def probes_of(settings: VespaSettings) -> list[Operation]:
    """The probes of all document types; the first is that of rows."""
    limits = limits_of(settings)
    return [
        probe(DocumentId(settings.namespace, document_type, PROBE_USER_ID), fields, limits)
        for document_type, fields in samples(settings).items()
    ]


async def wait_for_vespa(
    client: VespaClient, settings: VespaSettings, timeout_s: float, stopping: Callable[[], bool]
) -> bool:
    """
    Wait until Vespa answers at all; False when `stopping()` came first.

    Raises `AccessDenied`, `ServerSetting` at once, `NeighbourMissing` after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while not stopping():
        answer = await client.send(probes_of(settings)[0])
        decided = verdict(answer)
        if decided is Verdict.STOP:
            raise stop_error(answer, settings.url)
        if decided is not Verdict.RETRY:
            return True
        if time.monotonic() >= deadline:
            raise NeighbourMissing(
                expected=f"Vespa at {settings.url} to answer within {timeout_s:g} s",
                found=f"status {answer.status}" if answer.status else answer.message,
                neighbour=Neighbour.VESPA,
                remedy="start Vespa, or set vespa.url",
            )
        await asyncio.sleep(_PING_S)
    return False


async def refuse_foreign_index(client: VespaClient, settings: SinkSettings) -> None:
    """Raise `SettingsError` when the document types belong to another pipeline (rule D7)."""
    descriptions = Index(settings.vespa.namespace, settings.vespa.schema_type)
    try:
        other = foreign_prefix(await client.search(owner_of(descriptions)), settings.kafka.prefix)
    except TransientError as exc:  # no search, or a schema without the field: writing shows it soon enough
        _log.warning("owner of the index not checked", reason=str(exc))
        return
    if other is not None:
        raise SettingsError(
            f"expected document types of the pipeline with prefix {settings.kafka.prefix!r} in namespace "
            f"{settings.vespa.namespace!r}, got those of {other!r}",
            remedy="give each pipeline its own document types: set vespa.record_type, vespa.schema_type, "
            "vespa.file_type and vespa.file_row_type",
        )


def _wait_for_kafka(settings: SinkSettings, admin: KafkaAdmin, drain: Drain) -> bool:
    topics = Topics(settings.kafka.prefix)
    if not admin.wait_until_reachable(settings.start_timeout_s, drain.is_stopping):
        return False
    admin.ensure_topics([failure_topic(topics.dead_letters(settings.group), settings.kafka.partitions)])
    return admin.wait_for_topics([topics.schemas, topics.tables], settings.start_timeout_s, drain.is_stopping)


class _Service:
    """The part that lives in the event loop."""

    def __init__(
        self,
        settings: SinkSettings,
        mapping: DocumentMapping,
        admin: KafkaAdmin,
        *,
        tables: FollowedTables,
        health: Health,
        drain: Drain,
    ) -> None:
        self._settings = settings
        self._mapping = mapping
        self._admin = admin
        self._tables = tables
        self._health = health
        self._drain = drain

    async def run(self, metrics: SinkMetrics) -> None:
        settings = self._settings
        client = client_of(settings.vespa)
        dead_letters = DeadLetters(settings.kafka, settings.group, metrics)
        try:
            if await wait_for_vespa(client, settings.vespa, settings.start_timeout_s, self._drain.is_stopping):
                await refuse_foreign_index(client, settings)
                await self._serve(self._sink(client, dead_letters, metrics), metrics)
        finally:
            dead_letters.close()
            await client.close()

    def _sink(self, client: VespaClient, dead_letters: DeadLetters, metrics: SinkMetrics) -> Sink:
        settings, vespa = self._settings, self._settings.vespa
        limits = limits_of(vespa)
        plans = Plans(Shape(vespa.namespace, self._mapping, settings.max_text_bytes), self._tables.entry)
        names = Names(
            namespace=vespa.namespace,
            record_type=vespa.record_type,
            schema_type=vespa.schema_type,
            file_type=vespa.file_type,
            file_row_type=vespa.file_row_type,
            prefix=settings.kafka.prefix,
        )
        parts = Parts(
            topics=Topics(settings.kafka.prefix),
            records=Index(vespa.namespace, vespa.record_type),
            client=client,
            order=WriteOrder(),
            backpressure=Backpressure(_bounds(settings)),
            composer=Composer(names, plans, limits),
            plans=plans,
            tables=self._tables,
            sweeper=FloorSweeper(client, limits, metrics),
            dead_letters=dead_letters,
            positions=PositionCheck(settings, self._admin, client, metrics),
            versions=FutureVersions(client, metrics, file_types={vespa.file_type, vespa.file_row_type}),
            metrics=metrics,
            health=self._health,
        )
        sink = Sink(parts)
        least = min(_LEAST_IN_FLIGHT, vespa.max_connections)
        throttle = Throttle(
            start=vespa.connections, minimum=least, maximum=vespa.max_connections, uniform=random.random
        )
        means = Means(client, parts.order, parts.composer, throttle=throttle, metrics=metrics, limits=limits)
        thresholds = Thresholds(**settings.breaker.model_dump())
        sink.writer = Writer(means, sink, [(Breaker(thresholds, random.random), each) for each in probes_of(vespa)])
        return sink

    async def _serve(self, sink: Sink, metrics: SinkMetrics) -> None:
        loop = asyncio.get_running_loop()
        self._drain.on_stop(lambda: _set_soon(loop, sink.stopped))
        member = GroupMember(self._settings, sink, self._admin, metrics=metrics, health=self._health)
        sink.run(sink.admission.follow_tables())
        self._health.ready()
        _log.info("sink started", group=self._settings.group, vespa=self._settings.vespa.url)
        try:
            await member.run()
        finally:
            self._health.not_ready("stopping")
            left_s = self._drain.remaining_s() if sink.error is None else 0.0
            await member.close(time.monotonic() + left_s)
            await sink.close()
        if sink.error is not None:
            raise sink.error
        _log.info("sink stopped")


def _bounds(settings: SinkSettings) -> Bounds:
    records, size = settings.max_open_records, settings.max_open_bytes
    return Bounds(records, size, max(1, records // 4), max(1, size // 3))


def _set_soon(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """From a signal handler or another thread."""
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(event.set)
