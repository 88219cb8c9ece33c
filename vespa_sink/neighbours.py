"""Waits at the start until Kafka and Vespa are there, and refuses an index that is another pipeline's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from cdc_runtime.kafka.admin import KafkaAdmin
from schemas.errors import TransientError
from schemas.topics import Topics, failure_topic
from vespa_sink.settings import SinkSettings
from vespa_sink.vespa.answers import Verdict
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.field_probes import no_answer
from vespa_sink.vespa.index_owner import check_owner
from vespa_sink.vespa.probes import Probe, probes_of
from vespa_sink.vespa.searches import Index, owner_of

_log = structlog.get_logger(__name__)
_PING_S = 0.25


def wait_for_kafka(settings: SinkSettings, admin: KafkaAdmin, stopping: Callable[[], bool]) -> bool:
    """Wait until the topics are there that we read at the start; False when `stopping()` came first."""
    topics = Topics(settings.kafka.prefix)
    if not admin.wait_until_reachable(settings.start_timeout_s, stopping):
        return False
    admin.ensure_topics([failure_topic(topics.dead_letters(settings.group), settings.kafka.partitions)])
    return admin.wait_for_topics([topics.schemas, topics.tables], settings.start_timeout_s, stopping)


async def wait_for_vespa(client: VespaClient, settings: SinkSettings, stopping: Callable[[], bool]) -> bool:
    """
    Wait until Vespa answers at all; False when `stopping()` came first.

    Raises `AccessDenied`, `ServerSetting` at once, `NeighbourMissing` after `start_timeout_s`.
    """
    timeout_s = settings.start_timeout_s
    deadline = time.monotonic() + timeout_s
    probe = Probe(client, probes_of(settings.vespa)[0])
    while not stopping():
        decided, answer = await probe.ask()
        if decided is not Verdict.RETRY:
            return True
        if time.monotonic() >= deadline:
            raise no_answer(answer, f"Vespa at {settings.vespa.url} to answer within {timeout_s:g} s")
        await asyncio.sleep(_PING_S)
    return False


async def refuse_foreign_index(client: VespaClient, settings: SinkSettings) -> None:
    """Raise `SettingsError` when the document types belong to another pipeline (rule D7)."""
    descriptions = Index(settings.vespa.namespace, settings.vespa.schema_type)
    try:
        answer = await client.search(owner_of(descriptions))
    except TransientError as exc:  # no search, or a schema without the field: writing shows it soon enough
        _log.warning("owner of the index not checked", reason=str(exc))
        return
    check_owner(answer, descriptions, settings.kafka.prefix)
