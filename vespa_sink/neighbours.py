"""
Waits at the start until Kafka and Vespa are there, takes the pipeline's names, and refuses what is another pipeline's.

Keeps: D7.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from cdc_runtime.consuming.group_names import take_group
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.pipeline_names import PLAIN_PREFIX, name_to_use, own_name
from schemas.errors import Neighbour, NeighbourMissing, TransientError
from schemas.topics import Topics, failure_topic
from vespa_sink.settings import SinkSettings
from vespa_sink.vespa.answers import Verdict
from vespa_sink.vespa.client import SearchRefused, VespaClient
from vespa_sink.vespa.field_probes import no_answer
from vespa_sink.vespa.index_owner import check_owner, is_described
from vespa_sink.vespa.probes import Probe, probes_of
from vespa_sink.vespa.searches import Index, described_by, owner_of

_log = structlog.get_logger(__name__)
_PING_S = 0.25


def wait_for_kafka(settings: SinkSettings, admin: KafkaAdmin, stopping: Callable[[], bool]) -> SinkSettings | None:
    """
    Wait until the topics are there that we read at the start; the settings with the group to be a member of.

    None when `stopping()` came first. Raises as `take_group`.
    """
    topics = Topics(settings.kafka.prefix)
    if not admin.wait_until_reachable(settings.start_timeout_s, stopping):
        return None
    settings = _with_group(settings, stopping)
    letters = topics.dead_letters(settings.group)
    partitions = admin.partition_counts([letters]).get(letters, settings.kafka.partitions)
    admin.ensure_topics([failure_topic(letters, partitions)])
    there = admin.wait_for_topics([topics.schemas, topics.tables], settings.start_timeout_s, stopping)
    return settings if there else None


def _with_group(settings: SinkSettings, stopping: Callable[[], bool]) -> SinkSettings:
    group = take_group(
        settings.kafka,
        settings.group,
        setting="group",
        is_set="group" in settings.model_fields_set,
        timeout_s=settings.start_timeout_s,
        stopping=stopping,
    )
    return settings.model_copy(update={"group": group})


async def wait_for_vespa(client: VespaClient, settings: SinkSettings, stopping: Callable[[], bool]) -> bool:
    """
    Wait until Vespa itself answers; False when `stopping()` came first.

    Raises `AccessDenied`, `ServerSetting` at once, `NeighbourMissing` after `start_timeout_s`.
    """
    timeout_s = settings.start_timeout_s
    deadline = time.monotonic() + timeout_s
    probe = Probe(client, probes_of(settings.vespa)[0])
    while not stopping():
        decided, answer = await probe.ask()
        if decided not in (Verdict.RETRY, Verdict.FOREIGN):
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


async def with_namespace(client: VespaClient, settings: SinkSettings, stopping: Callable[[], bool]) -> SinkSettings:
    """
    The settings with the namespace to write to: what is set, else that of the pipeline (rule D7).

    Only where it has another than the plain one, the index is asked which of both has its documents. Raises
    `NeighbourMissing` when it has not said so after `start_timeout_s`.
    """
    vespa, prefix = settings.vespa, settings.kafka.prefix
    if prefix == PLAIN_PREFIX or "namespace" in vespa.model_fields_set:
        return settings
    own, plain = own_name(vespa.namespace, prefix), vespa.namespace
    used = [name for name in (own, plain) if await _is_described(client, settings, name, stopping)]
    name = name_to_use(own, plain, used)
    if name == plain:
        _log.info("goes on with the namespace from before", namespace=name, because=f"it has tables of {prefix!r}")
    return settings.model_copy(update={"vespa": vespa.model_copy(update={"namespace": name})})


async def _is_described(
    client: VespaClient, settings: SinkSettings, namespace: str, stopping: Callable[[], bool]
) -> bool:
    """Whether tables of our prefix are described in a namespace; an index without such documents has none."""
    body = described_by(Index(namespace, settings.vespa.schema_type), settings.kafka.prefix)
    deadline = time.monotonic() + settings.start_timeout_s
    while not stopping():
        reason = "less than all documents looked at"
        try:
            found = is_described(await client.search(body))
            if found is not None:
                return found
        except SearchRefused:
            return False
        except TransientError as exc:
            reason = str(exc)
        if time.monotonic() >= deadline:
            raise NeighbourMissing(
                expected=f"Vespa to say whether namespace {namespace!r} has documents of this pipeline",
                found=reason,
                neighbour=Neighbour.VESPA,
                remedy="let vespa.query_url name a container with <search/>, or set vespa.namespace",
            )
        await asyncio.sleep(_PING_S)
    return False
