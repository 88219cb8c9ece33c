"""Joins the concrete objects of the sink, top to bottom, runs it, and drains it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog
import uvloop

from cdc_runtime.consuming.backpressure import Backpressure, Bounds
from cdc_runtime.consuming.dead_letter_queue import DeadLetterQueue
from cdc_runtime.consuming.followed_tables import FollowedTables
from cdc_runtime.consuming.life_cycle import LifeCycle
from cdc_runtime.consuming.partition_logs import PartitionLogs
from cdc_runtime.consuming.position_check import PositionCheck
from cdc_runtime.consuming.tasks import Tasks
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import DeadLetterWriter
from cdc_runtime.reader_requests import Requests
from cdc_runtime.service import Context
from cdc_runtime.start_steps import keep_trying
from cdc_runtime.throttle import Throttle
from schemas.errors import Neighbour
from schemas.topics import Topics
from vespa_sink.admission import Admission
from vespa_sink.completion import Completion
from vespa_sink.documents.mapping import DocumentMapping
from vespa_sink.documents.mapping_file import read_mapping
from vespa_sink.documents.plans import Plans
from vespa_sink.documents.record import Shape
from vespa_sink.floor_runs import FloorRuns
from vespa_sink.group_member import GroupMember
from vespa_sink.intake.assignment import Assignment
from vespa_sink.intake.blocked_partitions import BlockedPartitions
from vespa_sink.intake.dead_letters import DeadLetters
from vespa_sink.intake.partition_watch import PartitionWatch
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.position_checks import PositionChecks
from vespa_sink.intake.record_reader import RecordReader
from vespa_sink.metrics import SinkMetrics
from vespa_sink.neighbours import (
    refuse_foreign_index,
    wait_for_kafka,
    wait_for_vespa,
    with_namespace,
)
from vespa_sink.redriving.given_up import GivenUp
from vespa_sink.redriving.letters import Letters
from vespa_sink.redriving.redrives import Redrives
from vespa_sink.settings import SinkSettings, VespaSettings
from vespa_sink.sink import Sink, start_work
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.field_questions import FieldQuestions
from vespa_sink.vespa.indexed_rows import IndexedRows
from vespa_sink.vespa.probes import Probe, limits_of, probes_of
from vespa_sink.vespa.questions import VespaQuestion
from vespa_sink.vespa.searches import Index
from vespa_sink.vespa.sweeper import FloorSweeper
from vespa_sink.writes.accepted import Accepted
from vespa_sink.writes.breaker import Breaker, Thresholds
from vespa_sink.writes.breaker_report import BreakerReport
from vespa_sink.writes.composer import Composer, Names
from vespa_sink.writes.endpoint import Endpoint
from vespa_sink.writes.future_versions import FutureVersions
from vespa_sink.writes.held import Held, HeldBounds
from vespa_sink.writes.outage import Outage
from vespa_sink.writes.outbox import Outbox
from vespa_sink.writes.rejections import Rejections
from vespa_sink.writes.results import Results
from vespa_sink.writes.retries import Retries
from vespa_sink.writes.stand_ins import StandIns
from vespa_sink.writes.submission import Submission
from vespa_sink.writes.suspects import Suspects
from vespa_sink.writes.write_order import WriteOrder
from vespa_sink.writes.writer import Writer

_log = structlog.get_logger(__name__)
_LEAST_IN_FLIGHT = 2


def run(context: Context[SinkSettings]) -> None:
    """The body of the service: run the sink until the drain asks for the end. Raises our errors."""
    mapping = read_mapping(context.settings.mapping_file)
    context.health.started()
    given, drain = context.settings, context.drain
    admin = KafkaAdmin(given.kafka)
    context.neighbours.watch(Neighbour.KAFKA, admin.ask)
    settings = keep_trying(lambda: wait_for_kafka(given, admin, drain.is_stopping), given.start_timeout_s, drain)
    if settings is None:
        return
    tables = keep_trying(lambda: FollowedTables(given.kafka, admin), given.start_timeout_s, drain)
    service = _Service(replace(context, settings=settings), mapping, admin, tables)
    with contextlib.closing(tables), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(service.run())


class _Service:
    """The part that lives in the event loop."""

    def __init__(
        self, context: Context[SinkSettings], mapping: DocumentMapping, admin: KafkaAdmin, tables: FollowedTables
    ) -> None:
        self._settings = context.settings
        self._health = context.health
        self._drain = context.drain
        self._neighbours = context.neighbours
        self._mapping = mapping
        self._admin = admin
        self._tables = tables
        self._metrics = SinkMetrics(context.metrics, context.settings.group)

    async def run(self) -> None:
        settings = self._settings
        client = _client(settings.vespa)
        letters = DeadLetterQueue(
            DeadLetterWriter(settings.kafka, Topics(settings.kafka.prefix).dead_letters(settings.group)), settings.group
        )
        dead_letters = DeadLetters(letters, metrics=self._metrics, health=self._health)
        self._neighbours.watch(Neighbour.VESPA, VespaQuestion(client, settings.vespa, asyncio.get_running_loop()))
        try:
            if await wait_for_vespa(client, settings, self._drain.is_stopping):
                settings = self._settings = await with_namespace(client, settings, self._drain.is_stopping)
                await refuse_foreign_index(client, settings)
                tasks = Tasks()
                self._drain.on_stop(tasks.stop)
                await self._serve(self._member(client, dead_letters, tasks), tasks)
        finally:
            self._neighbours.close()
            letters.close()
            await client.close()

    def _member(self, client: VespaClient, dead_letters: DeadLetters, tasks: Tasks) -> GroupMember:
        """Everything between Kafka and Vespa, each made of what was made before it, and the tasks that go on."""
        settings, vespa, health, metrics = self._settings, self._settings.vespa, self._health, self._metrics
        late_s = client.longest_request_s
        work = asyncio.Event()
        order: WriteOrder[SinkPartition, Any] = WriteOrder()
        backpressure: Backpressure[SinkPartition] = Backpressure(_bounds(settings))
        completion = Completion(order, backpressure, dead_letters, tasks=tasks, metrics=metrics, wake=work.set)
        plans = Plans(Shape(vespa.namespace, self._mapping, settings.max_text_bytes), self._tables.entry)
        loop = asyncio.get_running_loop()
        self._tables.on_change = lambda: loop.call_soon_threadsafe(plans.forget)
        composer = Composer(_names(settings), plans, limits_of(vespa))
        floors = FloorRuns(
            order,
            FloorSweeper(client, limits_of(vespa), metrics),
            completion,
            tasks=tasks,
            health=health,
            rows=Index(vespa.namespace, vespa.record_type),
            longest_request_s=late_s,
        )
        writer = self._writer(client, order, composer, completion=completion, tasks=tasks, wake=work.set)
        assignment = Assignment(
            Topics(settings.kafka.prefix), order, backpressure, health=health, metrics=metrics, longest_request_s=late_s
        )
        admission = Admission(
            assignment.partitions,
            RecordReader(self._tables.decode, plans),
            Submission(order, composer, completion, metrics=metrics, wake=work.set),
            completion=completion,
            backpressure=backpressure,
            health=health,
            metrics=metrics,
        )
        logs = PartitionLogs(settings.kafka, self._admin)
        watch = PartitionWatch(assignment.partitions, logs, admission, metrics)
        requests = Requests(settings.kafka, settings.group)
        positions = self._positions(client, requests)
        redrives = self._redrives(client, requests, assignment)
        sink = Sink(assignment, admission, positions, writer=writer, tasks=tasks, health=health)
        tasks.run(start_work(work, floors, writer))
        tasks.run(BlockedPartitions(assignment.partitions, admission, self._tables).follow())
        tasks.run(positions.watch(assignment.partitions.values))
        tasks.run(watch.follow())
        tasks.run(redrives.follow())
        return GroupMember(settings, assignment, sink, logs=logs, watch=watch, metrics=metrics, health=health)

    def _redrives(self, client: VespaClient, requests: Requests, assignment: Assignment) -> Redrives:
        settings, vespa = self._settings, self._settings.vespa
        topics = Topics(settings.kafka.prefix)
        return Redrives(
            Letters(settings.kafka, topics.dead_letters(settings.group), self._admin),
            GivenUp(assignment.partitions.__contains__),
            FieldQuestions(client, vespa),
            client,
            requests,
            rows=Index(vespa.namespace, vespa.record_type),
            topics=topics,
            decode=self._tables.decode,
            health=self._health,
            metrics=self._metrics,
        )

    def _positions(self, client: VespaClient, requests: Requests) -> PositionChecks:
        settings, vespa = self._settings, self._settings.vespa
        indexed = IndexedRows(client, Index(vespa.namespace, vespa.record_type), asyncio.get_running_loop())
        return PositionChecks(PositionCheck(settings.kafka, self._admin, requests, indexed.any_of), self._metrics)

    def _writer(
        self,
        client: VespaClient,
        order: WriteOrder[SinkPartition, Any],
        composer: Composer,
        *,
        completion: Completion,
        tasks: Tasks,
        wake: Callable[[], None],
    ) -> Writer:
        vespa, health, metrics = self._settings.vespa, self._health, self._metrics
        retries = Retries(metrics, wake)
        stand_ins = StandIns(completion, retries)
        probes = {probe.document.type: Probe(client, probe) for probe in probes_of(vespa)}
        rejections = self._rejections(
            client, probes, order=order, retries=retries, completion=completion, stand_ins=stand_ins, tasks=tasks
        )
        endpoint = Endpoint(client.url, _throttle(vespa), Outage(random.random), health=health, metrics=metrics)
        versions = FutureVersions(
            client, tasks=tasks, metrics=metrics, file_types={vespa.file_type, vespa.file_row_type}
        )
        accepted = Accepted(completion, retries, versions, metrics=metrics, limits=limits_of(vespa))
        results = Results(
            endpoint,
            accepted,
            rejections,
            Suspects(endpoint, probes, rejections, retries, tasks=tasks),
            metrics=metrics,
            longest_request_s=client.longest_request_s,
        )
        outbox = Outbox(
            order,
            retries,
            composer,
            rejections=rejections,
            completion=completion,
            stand_ins=stand_ins,
            metrics=metrics,
        )
        return Writer(client, outbox, endpoint, results, probe=probes_of(vespa)[0], tasks=tasks, metrics=metrics)

    def _rejections(
        self,
        client: VespaClient,
        probes: Mapping[str, Probe],
        **joined: Any,  # noqa: ANN401
    ) -> dict[str, Rejections]:
        settings = self._settings
        thresholds, questions = Thresholds(**settings.breaker.model_dump()), FieldQuestions(client, settings.vespa)
        return {
            document_type: Rejections(
                Breaker(thresholds, random.random),
                Held(_held_bounds(settings), random.random),
                probe,
                questions,
                BreakerReport(document_type, self._health, self._metrics),
                **joined,
            )
            for document_type, probe in probes.items()
        }

    async def _serve(self, member: LifeCycle[Awaitable[None]], tasks: Tasks) -> None:
        """Poll until the end is asked for, then finish; an error finishes nothing."""
        self._neighbours.prepared()
        self._health.ready()
        _log.info("sink started", group=self._settings.group, vespa=self._settings.vespa.url)
        try:
            while not tasks.stopped.is_set():
                await member.poll()
            self._health.not_ready("stopping")
            member.close()
            if tasks.error is None:
                await member.join(time.monotonic() + self._drain.remaining_s())
            else:
                await member.terminate()
        except BaseException:
            self._health.not_ready("stopping")
            await member.terminate()
            raise
        finally:
            await tasks.terminate()
        if tasks.error is not None:
            raise tasks.error
        _log.info("sink stopped")


def _client(settings: VespaSettings) -> VespaClient:
    return VespaClient(
        settings.url,
        query_url=settings.query_url,
        connections=settings.max_connections,
        timeout_s=settings.timeout_s,
    )


def _names(settings: SinkSettings) -> Names:
    vespa = settings.vespa
    return Names(
        namespace=vespa.namespace,
        record_type=vespa.record_type,
        schema_type=vespa.schema_type,
        file_type=vespa.file_type,
        file_row_type=vespa.file_row_type,
        prefix=settings.kafka.prefix,
    )


def _throttle(settings: VespaSettings) -> Throttle:
    least, most = min(_LEAST_IN_FLIGHT, settings.max_connections), settings.max_connections
    return Throttle(start=settings.connections, minimum=least, maximum=most, uniform=random.random)


def _held_bounds(settings: SinkSettings) -> HeldBounds:
    """Below a partition's own bound, so that what is held stops no reading."""
    return HeldBounds(
        min(settings.breaker.max_held, max(1, settings.max_open_records // 8)), max(1, settings.max_open_bytes // 8)
    )


def _bounds(settings: SinkSettings) -> Bounds:
    records, size = settings.max_open_records, settings.max_open_bytes
    return Bounds(records, size, max(1, records // 4), max(1, size // 3))
