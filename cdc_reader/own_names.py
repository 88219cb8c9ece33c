"""
Edge: slot and publication of a reader, where they are not set: the pipeline's own, or those that it ran with before.

Two pipelines on one server must share neither: a second reader of a slot is a standby of the first.

Keeps: D7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from cdc_reader.settings import ReaderSettings
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.pipeline_names import PLAIN_PREFIX, own_sql_name
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import RecordError
from schemas.offsets import POSITION_KEY, PUBLICATION_KEY, Position, PublicationMark
from schemas.topics import Topics

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReaderNames:
    """Slot and publication."""

    slot: str
    publication: str


def names_of_pipeline(kafka: KafkaSettings, source: str, plain: ReaderNames, admin: KafkaAdmin) -> ReaderNames:
    """
    The names where none are set: those of the stored position; without one, the own ones of the prefix.

    A position whose publication was not recorded is from before names had prefixes: it was the plain one. For `cdc`
    nobody is asked. A record that cannot be read is left to the start. Raises `TransientError`.
    """
    own = ReaderNames(own_sql_name(plain.slot, kafka.prefix), own_sql_name(plain.publication, kafka.prefix))
    topic = Topics(kafka.prefix).offsets(source)
    if kafka.prefix == PLAIN_PREFIX or admin.topic_id(topic) is None:
        return own
    latest = {record.key: record.value for record in read_to_end(kafka, topic, admin=admin)}
    position, mark = latest.get(POSITION_KEY), latest.get(PUBLICATION_KEY)
    try:
        recorded = PublicationMark.from_json(mark).name if mark is not None else ""
        slot = Position.from_json(position).slot if position is not None else None
    except RecordError:
        return own
    return own if slot is None else ReaderNames(slot, recorded or plain.publication)


def with_own_names(settings: ReaderSettings, stopping: Callable[[], bool] = lambda: False) -> ReaderSettings:
    """The settings with slot and publication; what is set stays. Raises as `names_of_pipeline`, `NeighbourMissing`."""
    given, plain = settings.model_fields_set, ReaderNames(settings.slot, settings.publication)
    if settings.kafka.prefix == PLAIN_PREFIX or {"slot", "publication"} <= given:
        return settings
    admin = KafkaAdmin(settings.kafka)
    if not admin.wait_until_reachable(settings.start_timeout_s, stopping):
        return settings
    names = names_of_pipeline(settings.kafka, settings.source, plain, admin)
    taken = {
        "slot": plain.slot if "slot" in given else names.slot,
        "publication": plain.publication if "publication" in given else names.publication,
    }
    own = {name: own_sql_name(getattr(plain, name), settings.kafka.prefix) for name in taken.keys() - given}
    before = {name: taken[name] for name in own if taken[name] != own[name]}
    if before:
        _log.info("goes on with names from before", **before, because="the stored position is theirs")
    return settings.model_copy(update=taken)
