"""
Edge: names of the pipeline (groups, namespace, slot, publication) that are not set: asked for as the services do.

A neighbour that does not answer leaves the own names of the prefix: the command that needs it says so itself.

Keeps: D7.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import orjson

from cdc_reader.own_names import ReaderNames, names_of_pipeline
from cdc_runtime.consuming.group_names import group_of_pipeline
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.pipeline_names import PLAIN_PREFIX, name_to_use, own_name, own_sql_name
from rowferry.http_client import HttpClient
from rowferry.settings import OperatorSettings, VespaSettings
from schemas.errors import RowferryError
from vespa_sink.vespa.index_owner import is_described
from vespa_sink.vespa.searches import Index, described_by

_TIMEOUT_S = 5.0


def with_own_names(settings: OperatorSettings) -> OperatorSettings:
    """The settings with the names that the services of this prefix use; what is set stays.

    For `cdc` nobody is asked.
    """
    if settings.kafka.prefix == PLAIN_PREFIX:
        return settings
    taken = dict(_of_kafka(settings)) | dict(_of_vespa(settings.vespa, settings.kafka.prefix))
    return settings.model_copy(update={name: value for name, value in taken.items() if name not in _given(settings)})


def _given(settings: OperatorSettings) -> set[str]:
    given = set(settings.model_fields_set)
    return given if "namespace" in settings.vespa.model_fields_set else given - {"vespa"}


def _of_kafka(settings: OperatorSettings) -> Iterator[tuple[str, str]]:
    kafka, plain = settings.kafka, ReaderNames(settings.slot, settings.publication)
    names = ReaderNames(own_sql_name(plain.slot, kafka.prefix), own_sql_name(plain.publication, kafka.prefix))
    groups = {name: own_name(getattr(settings, name), kafka.prefix) for name in ("group", "fetcher_group")}
    with contextlib.suppress(RowferryError):
        admin = KafkaAdmin(kafka)
        admin.wait_until_reachable(_TIMEOUT_S)
        names = names_of_pipeline(kafka, settings.source, plain, admin)
        groups = {name: group_of_pipeline(kafka, getattr(settings, name)) for name in groups}
    yield from {"slot": names.slot, "publication": names.publication, **groups}.items()


def _of_vespa(vespa: VespaSettings, prefix: str) -> Iterator[tuple[str, Any]]:
    own, plain = own_name(vespa.namespace, prefix), vespa.namespace
    used: list[str] = []
    with contextlib.suppress(RowferryError), closing(HttpClient(vespa.query_url or vespa.url)) as client:
        used = [name for name in (own, plain) if _is_described(client, Index(name, vespa.schema_type), prefix)]
    yield "vespa", vespa.model_copy(update={"namespace": name_to_use(own, plain, used)})


def _is_described(client: HttpClient, index: Index, prefix: str) -> bool:
    answer = client.get(f"/search/?{urlencode(described_by(index, prefix))}")
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return False
    return answer.status == 200 and isinstance(found, dict) and bool(is_described(found))
