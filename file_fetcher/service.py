"""Joins the concrete objects of the fetcher, waits for its neighbours, runs it, and drains it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog

from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import DeadLetterWriter
from cdc_runtime.reader_requests import Requests
from cdc_runtime.service import Context
from cdc_runtime.subjects import STORE
from cdc_runtime.throttle import Throttle
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.google_engine import check_credentials_file
from file_fetcher.download.sources import rules_of
from file_fetcher.fetcher import Fetcher, Pace, Parts
from file_fetcher.fetching.contents import Contents
from file_fetcher.fetching.fetch import Fetching
from file_fetcher.fetching.origins import Origins
from file_fetcher.fetching.threads import Downloads
from file_fetcher.group_member import GroupMember
from file_fetcher.intake.followed_tables import FollowedTables
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.position_check import PositionCheck
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.own_topics import OwnTopics
from file_fetcher.parsers.media_types import unknown_words
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.rebuild import bring_up_to_date
from file_fetcher.settings import FetcherSettings
from file_fetcher.settling.kafka_transactions import KafkaTransactions
from file_fetcher.settling.publisher import ResultPublisher, instance_name
from file_fetcher.store.opening import open_store
from file_fetcher.store.protocol import ContentStore
from schemas.errors import SettingsError, Unreachable
from schemas.topics import Topics, TopicSpec, failure_topic, state_topic

_log = structlog.get_logger(__name__)
# Threads that store and read a file whose download is over: enough to keep every parser busy.
_READERS_PER_PARSER = 4
_STORE_PAUSE_S = 1.0


def run(context: Context[FetcherSettings]) -> None:
    """The body of the service: run the fetcher until the drain asks for the end. Raises our errors."""
    settings, drain, health = context.settings, context.drain, context.health
    health.started()
    _judge(settings)
    admin = KafkaAdmin(settings.kafka)
    if _wait_for_kafka(settings, admin, drain):
        metrics = FetcherMetrics(context.metrics, settings.fetcher_group)
        with _joined(settings, admin, health, metrics, drain=drain) as member:
            health.ready()
            _log.info("fetcher started", group=settings.fetcher_group)
            member.run(drain)
        _log.info("fetcher stopped")


def topics_of(settings: FetcherSettings) -> list[TopicSpec]:
    """The topics that the fetcher owns."""
    topics, count = Topics(settings.kafka.prefix), settings.kafka.partitions
    return [
        *(state_topic(name, count) for name in (topics.files, topics.file_rows, topics.file_refs)),
        failure_topic(topics.retry(settings.fetcher_group), count),
        failure_topic(topics.dead_letters(settings.fetcher_group), count),
    ]


def _judge(settings: FetcherSettings) -> None:
    """What can be told of the settings before anybody is asked; raises `SettingsError`."""
    rules_of(settings.s3, settings.urls, settings.google)
    Downloader(settings).close()
    if settings.google.credentials_file is not None:
        check_credentials_file(settings.google.credentials_file)
    _folder(settings.data_directory)


def _wait_for_store(store: ContentStore, timeout_s: float, health: Health, drain: Drain) -> None:
    """Until contents can be kept, or the end is asked for. Raises `SettingsError`, `Unreachable` past the time-out."""
    until = time.monotonic() + timeout_s
    while not drain.stopping:
        health.tick()
        try:
            store.check()
        except Unreachable as exc:
            if time.monotonic() >= until:
                raise
            health.not_ready(str(exc), STORE)
            drain.wait(_STORE_PAUSE_S)
        else:
            health.ready(STORE)
            return


def _wait_for_kafka(settings: FetcherSettings, admin: KafkaAdmin, drain: Drain) -> bool:
    topics = Topics(settings.kafka.prefix)
    if not admin.wait_until_reachable(settings.start_timeout_s, drain.is_stopping):
        return False
    admin.ensure_topics(topics_of(settings))
    wanted = [topics.schemas, topics.tables]
    if missing := sorted(set(wanted) - admin.topic_ids(wanted).keys()):
        _log.info("waiting for topics", topics=missing, made_by="cdc-reader run")
    return admin.wait_for_topics(wanted, settings.start_timeout_s, drain.is_stopping)


@contextmanager
def _joined(
    settings: FetcherSettings, admin: KafkaAdmin, health: Health, metrics: FetcherMetrics, *, drain: Drain
) -> Iterator[GroupMember]:
    """Everything that a member of the group needs; all of it is closed, in the order that loses least."""
    with ExitStack() as closing:
        folder = _folder(settings.data_directory)
        store = ReferenceStore(folder)
        closing.callback(store.close)
        own_topics = _own_topics(settings, admin)

        def catch_up(partitions: Sequence[int]) -> None:
            bring_up_to_date(store, settings.kafka, own_topics.topics, settings.fetcher_group, partitions, admin=admin)

        publisher = ResultPublisher(
            settings.kafka,
            f"{settings.kafka.prefix}-{settings.fetcher_group}-{instance_name(folder)}",
            settings.start_timeout_s,
        )
        closing.callback(publisher.close)
        publisher.ready()
        partitions: Partitions[TablePartition] = Partitions()
        transactions = KafkaTransactions(
            publisher, store, partitions, own_topics=own_topics, catch_up=catch_up, metrics=metrics
        )
        letters = DeadLetterWriter(settings.kafka, own_topics.topics.dead_letters(settings.fetcher_group))
        closing.callback(letters.close)
        following = FollowedTables(settings.kafka, admin)
        closing.callback(following.close)
        fetching, downloads = _workshop(settings, folder, health, metrics, drain=drain, closing=closing)
        parts = Parts(
            own_topics=own_topics,
            store=store,
            partitions=partitions,
            following=following,
            reading=RecordReader(following, tuple(settings.project_columns)),
            fetching=fetching,
            downloads=downloads,
            transactions=transactions,
            dead_letters=letters,
            metrics=metrics,
            health=health,
            pace=Pace(settings.max_open_references, settings.publish_interval_s, settings.commit_interval_s),
        )
        examination = PositionCheck(admin, store, Requests(settings.kafka, settings.fetcher_group))
        member = GroupMember(settings.kafka, Fetcher(parts), catch_up=catch_up, examination=examination)
        closing.callback(member.close)
        yield member


def _workshop(
    settings: FetcherSettings,
    folder: Path,
    health: Health,
    metrics: FetcherMetrics,
    *,
    drain: Drain,
    closing: ExitStack,
) -> tuple[Fetching, Downloads]:
    """What downloads and reads files."""
    store = open_store(settings.store_url, folder, settings.s3)
    _wait_for_store(store, settings.start_timeout_s, health, drain)
    downloader = Downloader(settings)
    closing.callback(downloader.close)
    parsers = ParserPool(settings.parsers, settings.limits, folder / "parsing")
    closing.callback(parsers.close)
    for name, reason in parsers.broken.items():
        _log.warning("parser is not used", parser=name, reason=reason)
    if unknown := unknown_words(settings.limits.types, parsers.signatures()):
        remedy = "correct limits.types, or install a parser that brings them"
        _log.warning("types are not known", types=unknown, remedy=remedy)
    contents = Contents(store, parsers, settings.limits, metrics.count)
    origins = Origins(settings.retry, metrics)
    health.detail("left_alone", origins.open_origins)
    downloading = _folder(folder / "downloads", emptied=True)
    fetching = Fetching(
        downloader,
        contents,
        rules_of(settings.s3, settings.urls, settings.google),
        origins=origins,
        folder=downloading,
        delays_s=settings.retry.delays_s,
        metrics=metrics,
    )
    download = settings.download
    threads = download.max_connections + settings.parsers.workers * _READERS_PER_PARSER
    throttle = Throttle(start=download.connections, minimum=1, maximum=download.max_connections, uniform=random.random)
    downloads = Downloads(throttle, threads, metrics)
    closing.callback(downloads.close, settings.download.read_timeout_s / 10)
    return fetching, downloads


def _own_topics(settings: FetcherSettings, admin: KafkaAdmin) -> OwnTopics:
    """The topics as they are: the count of partitions is for ever (rule D6)."""
    topics = Topics(settings.kafka.prefix)
    failures = [topics.retry(settings.fetcher_group), topics.dead_letters(settings.fetcher_group)]
    names = [topics.files, topics.file_rows, topics.file_refs, *failures]
    counts = admin.partition_counts(names)
    if len(set(counts.values())) != 1:
        raise SettingsError(
            f"expected the same count of partitions in {', '.join(names)}, got {sorted(counts.values())}",
            remedy="partitions of these topics must not be added",
        )
    return OwnTopics(topics, settings.fetcher_group, counts[topics.file_refs])


def _folder(path: Path, *, emptied: bool = False) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
        if emptied:
            for left in path.iterdir():
                left.unlink()
    except OSError as exc:
        raise SettingsError(
            f"expected a folder that can be written to for data_directory, got {exc.strerror} at {str(path)!r}",
            remedy="give data_directory a folder that this user may write to",
        ) from exc
    return path
