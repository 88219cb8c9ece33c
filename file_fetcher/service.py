"""Joins the concrete objects of the fetcher, runs it, and drains it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from cdc_runtime.consuming.backpressure import Backpressure, Bounds
from cdc_runtime.consuming.dead_letter_queue import DeadLetterQueue
from cdc_runtime.consuming.followed_tables import FollowedTables
from cdc_runtime.consuming.life_cycle import LifeCycle
from cdc_runtime.consuming.partition_logs import PartitionLogs
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.position_check import PositionCheck
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.tasks import ThreadTasks
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import DeadLetterWriter
from cdc_runtime.reader_requests import Requests
from cdc_runtime.service import Context
from cdc_runtime.start_steps import keep_trying
from cdc_runtime.throttle import Throttle
from file_fetcher import startup
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.sources import rules_of
from file_fetcher.fetcher import Fetcher
from file_fetcher.fetching.contents import Contents
from file_fetcher.fetching.fetch import Fetching
from file_fetcher.fetching.origins import Origins
from file_fetcher.fetching.shares import Shares
from file_fetcher.fetching.threads import Downloads
from file_fetcher.floor_runs import FloorRuns
from file_fetcher.group_member import GroupMember
from file_fetcher.intake.admission import Admission
from file_fetcher.intake.assignment import Assignment
from file_fetcher.intake.file_columns import FileColumns
from file_fetcher.intake.lost_retries import LostRetries
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.reader_questions import ReaderQuestions
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.intake.table_refresh import TableRefresh
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.open_works import OpenWorks
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.publishing_again import PublishingAgain
from file_fetcher.references.local import ALL_VERSIONS, ReferenceStore
from file_fetcher.references.rebuild import bring_up_to_date
from file_fetcher.retries_due import DueRetries
from file_fetcher.settings import FetcherSettings
from file_fetcher.settling.finished_works import FinishedWorks, Pace
from file_fetcher.settling.kafka_transactions import KafkaTransactions
from file_fetcher.settling.publisher import ResultPublisher, instance_name
from file_fetcher.store.opening import open_store
from schemas.errors import Neighbour
from schemas.names import TableName

_log = structlog.get_logger(__name__)
# Threads that store and read a file whose download is over: enough to keep every parser busy.
_READERS_PER_PARSER = 4
# How long state is waited for: in a thread of its own, and by the thread that must poll, which asks again.
_STATE_WAIT_S = 90.0
_DOUBT_WAIT_S = 15.0
T = TypeVar("T")


def run(context: Context[FetcherSettings]) -> None:
    """The body of the service: run the fetcher until the drain asks for the end. Raises our errors."""
    drain, health = context.drain, context.health
    health.started()
    given = context.settings
    startup.judge(given)
    admin = KafkaAdmin(given.kafka)
    context.neighbours.watch(Neighbour.KAFKA, admin.ask)
    settings = keep_trying(lambda: startup.wait_for_kafka(given, admin, drain), given.start_timeout_s, drain)
    if settings is not None:
        context = replace(context, settings=settings)
        tasks = ThreadTasks()
        drain.on_stop(tasks.stop)
        with _joined(context, admin, tasks) as member:
            context.neighbours.prepared()
            health.ready()
            _log.info("fetcher started", group=settings.fetcher_group)
            _live(member, tasks, context)
        _log.info("fetcher stopped")


def _live(member: LifeCycle[None], tasks: ThreadTasks, context: Context[FetcherSettings]) -> None:
    """Poll until the end is asked for, then finish; an error finishes nothing."""
    try:
        while not tasks.stopped.is_set():
            member.poll()
        if tasks.error is not None:
            raise tasks.error
        context.health.not_ready("stopping")
        member.close()
        member.join(time.monotonic() + context.drain.remaining_s())
    except BaseException:
        member.terminate()
        raise


@contextmanager
def _joined(context: Context[FetcherSettings], admin: KafkaAdmin, tasks: ThreadTasks) -> Iterator[GroupMember]:
    """A member of the group; all that it needs is closed again, in the order that loses least."""
    with ExitStack() as closing:
        closing.callback(tasks.terminate)
        yield _Joint(context, admin, closing, tasks).member()


class _Joint:
    """Makes the parts of a member, each when it is asked for."""

    def __init__(
        self, context: Context[FetcherSettings], admin: KafkaAdmin, closing: ExitStack, tasks: ThreadTasks
    ) -> None:
        self._context = context
        self._settings = context.settings
        self._admin = admin
        self._closing = closing
        self._metrics = FetcherMetrics(context.metrics, context.settings.fetcher_group)
        self._folder = startup.folder(context.settings.data_directory)
        self._store = ReferenceStore(self._folder)
        closing.callback(self._store.close)
        startup.claim_folder(self._folder, context.settings.kafka.prefix)
        self._own_topics = self._there(lambda: startup.own_topics(context.settings, admin))
        startup.claim_number(self._folder, self._own_topics.partitions)
        self._partitions: Partitions[TablePartition] = Partitions()
        self._tasks = tasks

    def member(self) -> GroupMember:
        transactions = self._transactions()
        fetcher = self._fetcher(transactions)
        kafka, requests = self._settings.kafka, Requests(self._settings.kafka, self._settings.fetcher_group)
        return GroupMember(
            kafka,
            fetcher,
            self._own_topics,
            catch_up=self._catch_up,
            logs=PartitionLogs(kafka, self._admin),
            results_id=self._results_id,
            questions=ReaderQuestions(
                PositionCheck(kafka, self._admin, requests, self._holds_rows), LostRetries(self._store, requests)
            ),
            tasks=self._tasks,
            metrics=self._metrics,
            health=self._context.health,
        )

    def _there(self, step: Callable[[], T]) -> T:
        return keep_trying(step, self._settings.start_timeout_s, self._context.drain)

    def _results_id(self) -> str | None:
        """The id of the topics of results, both in one; None where one is not there."""
        names = self._own_topics.results
        ids = self._admin.topic_ids(names)
        return ",".join(ids[name] for name in names) if len(ids) == len(names) else None

    def _holds_rows(self, table: TableName, partition: int) -> bool:
        return bool(self._store.below(str(table), partition, ALL_VERSIONS, 1))

    def _catch_up(self, partitions: Sequence[int], wait_s: float = _STATE_WAIT_S) -> None:
        own, kafka = self._own_topics, self._settings.kafka
        of, admin = own.partitions, self._admin
        bring_up_to_date(self._store, kafka, own.topics, own.group, partitions, of=of, admin=admin, wait_s=wait_s)

    def _transactions(self) -> KafkaTransactions:
        settings = self._settings
        transactional_id = f"{settings.kafka.prefix}-{settings.fetcher_group}-{instance_name(self._folder)}"
        publisher = ResultPublisher(settings.kafka, transactional_id, settings.start_timeout_s)
        self._closing.callback(publisher.close)
        self._there(publisher.ready)
        return KafkaTransactions(
            publisher,
            self._store,
            self._partitions,
            own_topics=self._own_topics,
            catch_up=partial(self._catch_up, wait_s=_DOUBT_WAIT_S),
            metrics=self._metrics,
        )

    def _fetcher(self, transactions: KafkaTransactions) -> Fetcher:
        settings, health, metrics = self._settings, self._context.health, self._metrics
        store, partitions, own_topics = self._store, self._partitions, self._own_topics
        dead_letters = DeadLetterQueue(
            DeadLetterWriter(settings.kafka, own_topics.topics.dead_letters(own_topics.group)), own_topics.group
        )
        self._closing.callback(dead_letters.close)
        tables = self._there(lambda: FollowedTables(settings.kafka, self._admin))
        self._closing.callback(tables.close)
        plans = FileColumns(tables.entry, tables.schema)
        tables.on_change = plans.changed
        record_reader = RecordReader(plans, tables.decode, tuple(settings.project_columns))
        fetching = self._fetching()
        backpressure: Backpressure[TopicPartition] = Backpressure(_bounds(settings.max_open_references))
        works = OpenWorks(store, partitions, fetching, self._downloads(), backpressure=backpressure, metrics=metrics)
        admission = Admission(
            record_reader,
            TableRefresh(tables, plans, self._tasks),
            dead_letters,
            metrics=metrics,
            health=health,
            offer=works.offer,
        )
        pace = Pace(settings.publish_interval_s, settings.commit_interval_s)
        return Fetcher(
            Assignment(
                partitions,
                own_topics.topics,
                backpressure,
                settings.max_open_references,
                metrics=metrics,
                health=health,
            ),
            admission,
            works,
            retries=DueRetries(store, record_reader, metrics),
            floors=FloorRuns(store, works, transactions, own_topics),
            publishing_again=PublishingAgain(store, transactions, own_topics),
            finished=FinishedWorks(works, transactions, health, pace),
        )

    def _fetching(self) -> Fetching:
        """What downloads and reads files."""
        settings, health = self._settings, self._context.health
        store = open_store(settings.store_url, self._folder, settings.s3)
        startup.wait_for_store(store, settings.start_timeout_s, health, self._context.drain)
        downloader = Downloader(settings)
        self._closing.callback(downloader.close)
        parsers = ParserPool(settings.parsers, settings.limits, self._folder / "parsing")
        self._closing.callback(parsers.close)
        for name, reason in parsers.broken.items():
            _log.warning("parser is not used", parser=name, reason=reason)
        startup.tell_of_types(settings.limits.types, parsers.signatures())
        origins = Origins(settings.retry, self._metrics)
        health.detail("left_alone", origins.open_origins)
        return Fetching(
            downloader,
            Contents(store, parsers, settings.limits, self._metrics.count),
            rules_of(settings.s3, settings.urls, settings.google),
            origins=origins,
            folder=startup.folder(self._folder / "downloads", emptied=True),
            delays_s=settings.retry.delays_s,
            metrics=self._metrics,
        )

    def _downloads(self) -> Downloads:
        """The threads that fetch."""
        settings = self._settings.download
        threads = Shares.most(settings.max_connections) + self._settings.parsers.workers * _READERS_PER_PARSER
        throttle = Throttle(
            start=settings.connections, minimum=1, maximum=settings.max_connections, uniform=random.random
        )
        downloads = Downloads(throttle, threads, self._metrics, reading=max(1, threads // 4))
        self._closing.callback(downloads.close, settings.read_timeout_s / 10)
        return downloads


def _bounds(references: int) -> Bounds:
    """What may be open: a partition has half of it at most."""
    return Bounds(records=references, partition_records=max(1, references // 2))
