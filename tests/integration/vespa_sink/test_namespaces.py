"""Which namespace a pipeline writes to, where none is set (rule D7)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import structlog

from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import NeighbourMissing, SettingsError
from tests.integration.vespa_sink.pipeline import Index
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.neighbours import refuse_foreign_index, with_namespace
from vespa_sink.settings import SinkSettings, VespaSettings
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.operations import Limits, conditional_remove

pytestmark = pytest.mark.rule("D7")
PLAIN, TYPE = "procore", "procore_schema"


@pytest.fixture
async def client(vespa) -> AsyncIterator[VespaClient]:
    client = VespaClient(vespa.url, query_url=vespa.search_url, connections=4, timeout_s=30)
    yield client
    await client.close()


async def _namespace(client: VespaClient, prefix: str, **more: str) -> str:
    settings = SinkSettings(kafka=KafkaSettings(prefix=prefix), vespa=VespaSettings(**more), start_timeout_s=60)
    return (await with_namespace(client, settings, lambda: False)).vespa.namespace


def _describe(url: str, namespace: str, prefix: str) -> DocumentId:
    fields = {"table_name": prefix, "namespace": namespace, "prefix": prefix, "deleted": False, "version": 1}
    Index(url, namespace, TYPE).put(prefix, fields)
    return DocumentId(namespace, TYPE, prefix)


async def test_d7_pipeline_whose_documents_are_in_the_plain_namespace_goes_on_there_and_says_so(
    vespa, client: VespaClient, topic_prefix: str
) -> None:
    own = f"{PLAIN}-{topic_prefix}"
    assert await _namespace(client, topic_prefix) == own
    assert await _namespace(client, topic_prefix, namespace="mine") == "mine"
    assert await _namespace(client, "cdc") == PLAIN
    described = [_describe(vespa.url, PLAIN, topic_prefix)]
    try:
        with structlog.testing.capture_logs() as logs:
            assert await _namespace(client, topic_prefix) == PLAIN
        assert [line["event"] for line in logs] == ["goes on with the namespace from before"]
        assert await _namespace(client, f"{topic_prefix}x") == f"{own}x"
        described.append(_describe(vespa.url, own, topic_prefix))
        assert await _namespace(client, topic_prefix) == own
    finally:
        for document in described:
            await client.send(conditional_remove(document, 2, Limits()))


async def test_d7_index_without_our_document_types_has_none_of_our_documents(client: VespaClient) -> None:
    assert await _namespace(client, "crm", schema_type="not_there") == f"{PLAIN}-crm"


@pytest.mark.remedy("let vespa.query_url name a container with <search/>, or set vespa.namespace")
async def test_d7_namespace_is_not_guessed_while_the_search_does_not_answer(
    vespa, client: VespaClient, topic_prefix: str
) -> None:
    blind = VespaClient(vespa.url, query_url="http://127.0.0.1:1", connections=4, timeout_s=1)
    settings = SinkSettings(kafka=KafkaSettings(prefix=topic_prefix), start_timeout_s=0.1)
    try:
        with pytest.raises(NeighbourMissing) as caught:
            await with_namespace(blind, settings, lambda: False)
        assert caught.value.remedy == "let vespa.query_url name a container with <search/>, or set vespa.namespace"
        assert await _namespace(blind, topic_prefix, namespace="mine") == "mine"
    finally:
        await blind.close()
    assert await _namespace(client, topic_prefix) == f"{PLAIN}-{topic_prefix}"


@pytest.mark.remedy("set vespa.namespace to a name that no other pipeline has")
async def test_d7_namespace_of_another_pipeline_is_refused_until_another_is_set(
    vespa, client: VespaClient, topic_prefix: str
) -> None:
    def settings(namespace: str) -> SinkSettings:
        return SinkSettings(kafka=KafkaSettings(prefix=topic_prefix), vespa=VespaSettings(namespace=namespace))

    taken = _describe(vespa.url, f"taken-{topic_prefix}", f"{topic_prefix}x")
    try:
        with pytest.raises(SettingsError, match=f"got those of '{topic_prefix}x'") as caught:
            await refuse_foreign_index(client, settings(f"taken-{topic_prefix}"))
        assert caught.value.remedy == "set vespa.namespace to a name that no other pipeline has"
        await refuse_foreign_index(client, settings(f"own-{topic_prefix}"))
    finally:
        await client.send(conditional_remove(taken, 2, Limits()))
