"""
Edge: which consumer group a service takes, and that it is no other pipeline's.

Keeps: D7.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from cdc_runtime.kafka.group_offsets import committed_topics
from cdc_runtime.pipeline_names import PLAIN_PREFIX, name_to_use, others_in_group, own_name, prefixes_of
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import AccessDenied, NeighbourMissing, TransientError

_log = structlog.get_logger(__name__)
# The first group of a new cluster has no coordinator for some seconds.
_PAUSE_S = 1.0


def group_of_pipeline(kafka: KafkaSettings, plain: str) -> str:
    """The group of this prefix where none is set; `plain` is the name without a prefix. Raises `TransientError`.

    For `cdc` nobody is asked.
    """
    own = own_name(plain, kafka.prefix)
    if kafka.prefix == PLAIN_PREFIX:
        return own
    used = [name for name in (own, plain) if kafka.prefix in prefixes_of(_topics(kafka, name))]
    return name_to_use(own, plain, used)


def take_group(
    kafka: KafkaSettings,
    name: str,
    *,
    setting: str,
    is_set: bool,
    timeout_s: float,
    stopping: Callable[[], bool] = lambda: False,
) -> str:
    """
    The group to be a member of: what is set, else that of the pipeline. To be called before it is joined.

    Raises `SettingsError` when it is another pipeline's (rule D7), `AccessDenied`, `NeighbourMissing` past the
    time-out. When `stopping()` comes first, it may be any of both.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return _take_group(kafka, name, setting=setting, is_set=is_set)
        except TransientError as exc:
            if stopping():
                return name
            if time.monotonic() >= deadline:
                raise NeighbourMissing.of(exc) from exc
        time.sleep(_PAUSE_S)


def _take_group(kafka: KafkaSettings, name: str, *, setting: str, is_set: bool) -> str:
    group = name if is_set else group_of_pipeline(kafka, name)
    if group == name and not is_set and kafka.prefix != PLAIN_PREFIX:
        _log.info("goes on with the group from before", group=group, because=f"it has positions of {kafka.prefix!r}")
    topics = committed_topics(kafka, group)
    others = others_in_group(group, setting, kafka.prefix, topics, bootstrap_servers=kafka.bootstrap_servers)
    if others:
        remedy = (
            f"set `{setting}` of the other pipeline to a name of its own; "
            "this is told until Kafka forgets its positions"
        )
        _log.warning("group is shared with another pipeline", group=group, others=others, remedy=remedy)
    return group


def _topics(kafka: KafkaSettings, group: str) -> frozenset[str]:
    """A group that may not be looked at was never ours."""
    try:
        return committed_topics(kafka, group)
    except AccessDenied:
        return frozenset()
