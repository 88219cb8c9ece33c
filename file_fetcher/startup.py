"""
Edge: what must be there before the fetcher can work: settings that hold together, Kafka, topics, a store, folders.

Keeps: D6.
"""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.subjects import STORE
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.google_engine import check_credentials_file
from file_fetcher.download.sources import rules_of
from file_fetcher.own_topics import OwnTopics
from file_fetcher.settings import FetcherSettings
from file_fetcher.store.protocol import ContentStore
from schemas.errors import SettingsError, Unreachable
from schemas.topics import Topics, TopicSpec, failure_topic, state_topic

_log = structlog.get_logger(__name__)
_STORE_PAUSE_S = 1.0


def judge(settings: FetcherSettings) -> None:
    """What can be told of the settings before any neighbour is asked; raises `SettingsError`."""
    rules_of(settings.s3, settings.urls, settings.google)
    Downloader(settings).close()
    if settings.google.credentials_file is not None:
        check_credentials_file(settings.google.credentials_file)
    folder(settings.data_directory)


def wait_for_store(store: ContentStore, timeout_s: float, health: Health, drain: Drain) -> None:
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


def wait_for_kafka(settings: FetcherSettings, admin: KafkaAdmin, drain: Drain) -> bool:
    """Until Kafka and the reader's topics are there; False when the end is asked for. Raises `Unreachable`."""
    topics = Topics(settings.kafka.prefix)
    if not admin.wait_until_reachable(settings.start_timeout_s, drain.is_stopping):
        return False
    admin.ensure_topics(_topics_of(settings))
    wanted = [topics.schemas, topics.tables]
    if missing := sorted(set(wanted) - admin.topic_ids(wanted).keys()):
        _log.info("waiting for topics", topics=missing, made_by="cdc-reader run")
    return admin.wait_for_topics(wanted, settings.start_timeout_s, drain.is_stopping)


def own_topics(settings: FetcherSettings, admin: KafkaAdmin) -> OwnTopics:
    """The topics as they are: the count of partitions is for ever (rule D6). Raises `SettingsError`."""
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


def folder(path: Path, *, emptied: bool = False) -> Path:
    """Make a folder, `emptied` where that is wanted; raises `SettingsError`."""
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


def _topics_of(settings: FetcherSettings) -> list[TopicSpec]:
    """The topics that the fetcher owns."""
    topics, count = Topics(settings.kafka.prefix), settings.kafka.partitions
    return [
        *(state_topic(name, count) for name in (topics.files, topics.file_rows, topics.file_refs)),
        failure_topic(topics.retry(settings.fetcher_group), count),
        failure_topic(topics.dead_letters(settings.fetcher_group), count),
    ]
