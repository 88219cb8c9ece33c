"""
Edge: what must be there before the fetcher can work: settings that hold together, Kafka, topics, a store, folders.

Keeps: D6, D7.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import structlog

from cdc_runtime.consuming.group_names import take_group
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.subjects import STORE
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.google_engine import check_credentials_file
from file_fetcher.download.sources import rules_of
from file_fetcher.own_topics import OwnTopics
from file_fetcher.parsers.media_types import Signature, unknown_words
from file_fetcher.references.rebuild import other_number
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


def tell_of_types(types: Iterable[str], signatures: Iterable[Signature]) -> None:
    """Warn of types in the settings that no file can have, with the parsers that are there."""
    if unknown := unknown_words(types, signatures):
        remedy = "correct limits.types, or install a parser that brings them"
        _log.warning("types are not known", types=unknown, remedy=remedy)


def wait_for_kafka(settings: FetcherSettings, admin: KafkaAdmin, drain: Drain) -> FetcherSettings | None:
    """
    Until Kafka and the reader's topics are there; the settings with the group to be a member of.

    None when the end is asked for. Raises `NeighbourMissing`, and as `take_group`.
    """
    topics = Topics(settings.kafka.prefix)
    if not admin.wait_until_reachable(settings.start_timeout_s, drain.is_stopping):
        return None
    settings = _with_group(settings, drain)
    admin.ensure_topics(topics_of(settings, _state_partitions(settings, admin)))
    wanted = [topics.schemas, topics.tables]
    if missing := sorted(set(wanted) - admin.topic_ids(wanted).keys()):
        _log.info("waiting for topics", topics=missing, made_by="cdc-reader run")
    return settings if admin.wait_for_topics(wanted, settings.start_timeout_s, drain.is_stopping) else None


def _with_group(settings: FetcherSettings, drain: Drain) -> FetcherSettings:
    group = take_group(
        settings.kafka,
        settings.fetcher_group,
        setting="fetcher_group",
        is_set="fetcher_group" in settings.model_fields_set,
        timeout_s=settings.start_timeout_s,
        stopping=drain.is_stopping,
    )
    return settings.model_copy(update={"fetcher_group": group})


def claim_folder(path: Path, prefix: str) -> None:
    """
    Keep data_directory for one pipeline (rule D7); one that names none is taken.

    Raises `SettingsError` when it is another's: what is remembered there is of other rows.
    """
    mark = path / "pipeline"
    try:
        found = mark.read_text("utf-8", "replace").strip() if mark.exists() else ""
        if not found:
            mark.write_text(f"{prefix}\n", "utf-8")
    except OSError as exc:
        raise _unusable(path, exc) from exc
    if found not in ("", prefix):
        raise SettingsError(
            expected=f"data_directory {str(path)!r} to be of the pipeline with prefix {prefix!r}",
            found=f"that of {found!r}",
            remedy="set data_directory to a folder of its own",
        )


def own_topics(settings: FetcherSettings, admin: KafkaAdmin) -> OwnTopics:
    """The topics as they are: how many partitions of them are used is for ever (rules D6, F2)."""
    topics = Topics(settings.kafka.prefix)
    return OwnTopics(topics, settings.fetcher_group, _state_partitions(settings, admin))


def _state_partitions(settings: FetcherSettings, admin: KafkaAdmin) -> int:
    """How many partitions of each topic are used: as many as the fewest have, since some may have been added to one.

    `kafka.partitions` counts only for a pipeline that has none of them yet, `state_partitions` always. Raises
    `SettingsError` where there are fewer.
    """
    topics = Topics(settings.kafka.prefix)
    counts = admin.partition_counts([topics.files, topics.file_rows, topics.file_refs])
    there, wanted = min(counts.values(), default=settings.kafka.partitions), settings.state_partitions
    if wanted is not None and counts and wanted > there:
        raise SettingsError(
            expected=f"state_partitions to be {there} at most, as many as {min(counts, key=counts.__getitem__)} has",
            found=str(wanted),
            remedy="set state_partitions to how many partitions the topics were made with",
        )
    return wanted or there


def claim_number(path: Path, used: int) -> None:
    """
    Keep data_directory for a number of partitions; raises `ServerSetting` where it was for fewer.

    With more, what is remembered there would be taken for another partition's. Fewer are used where the topics were
    made again, or after the setting.
    """
    mark = path / "state_partitions"
    try:
        found = mark.read_text("utf-8", "replace").strip() if mark.exists() else ""
        known = int(found) if found.isdecimal() else used
        if known < used:
            raise other_number(used, known, f"the files in {str(path)!r}")
        mark.write_text(f"{used}\n", "utf-8")
    except OSError as exc:
        raise _unusable(path, exc) from exc


def folder(path: Path, *, emptied: bool = False) -> Path:
    """Make a folder, `emptied` where that is wanted; raises `SettingsError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if emptied:
            for left in path.iterdir():
                left.unlink()
    except OSError as exc:
        raise _unusable(path, exc) from exc
    return path


def _unusable(path: Path, exc: OSError) -> SettingsError:
    return SettingsError(
        f"expected a folder that can be written to for data_directory, got {exc.strerror} at {str(path)!r}",
        remedy="give data_directory a folder that this user may write to",
    )


def topics_of(settings: FetcherSettings, count: int) -> list[TopicSpec]:
    """The topics that the fetcher owns, of each of which so many partitions are used."""
    topics = Topics(settings.kafka.prefix)
    return [
        *(state_topic(name, count) for name in (topics.files, topics.file_rows, topics.file_refs)),
        failure_topic(topics.retry(settings.fetcher_group), count),
        failure_topic(topics.dead_letters(settings.fetcher_group), count),
    ]
