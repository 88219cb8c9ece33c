"""What the sink's rules rely on in Vespa, and what its fake in memory promises: the same tests on both."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from cdc_runtime.settings.models import load
from tests.unit.vespa_sink.world.vespa import FakeVespa
from tests.waiting import eventually_async
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.settings import SinkSettings
from vespa_sink.vespa.answers import Verdict, verdict
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.operations import (
    Limits,
    Operation,
    conditional_put,
    conditional_remove,
    remove_forgotten,
    versioned_delete,
)
from vespa_sink.vespa.probes import probes_of
from vespa_sink.vespa.searches import Index, Sweep, page_of, rows_of_partition

LIMITS = Limits()
TYPE = "procore_record"


class Rows:
    """Rows of one table in one namespace."""

    def __init__(self, client: VespaClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    def document(self, key: int) -> DocumentId:
        return DocumentId(self.namespace, TYPE, f"rows/{key}")

    async def send(self, operation: Operation) -> Verdict:
        return verdict(await self.client.send(operation))

    async def put(self, key: int, version: int, partition: int = 0, **more: Any) -> Verdict:
        fields = {
            "doc_id": f"rows/{key}",
            "namespace": self.namespace,
            "source_table": "rows",
            "source_partition": partition,
            "version": version,
            **more,
        }
        return await self.send(conditional_put(self.document(key), version, fields, LIMITS))

    async def delete(self, key: int, version: int, now_s: float | None = None) -> Verdict:
        now = int(time.time() if now_s is None else now_s)
        return await self.send(versioned_delete(self.document(key), version, now, LIMITS))

    async def version(self, key: int) -> int | None:
        answer = await self.client.get(f"{self.document(key).path}?fieldSet={TYPE}:version")
        version: int | None = answer.get("fields", {}).get("version")
        return version

    async def below(self, version: int, partition: int = 0, besides: Collection[str] = ()) -> list[str]:
        sweep = Sweep(Index(self.namespace, TYPE), "rows", partition, version)
        page = page_of(await self.client.search(sweep.query(10.0, besides)))
        assert page.complete
        return sorted(page.doc_ids)


@pytest.fixture(params=["memory", "server"])
async def rows(request: pytest.FixtureRequest, vespa_namespace: str) -> AsyncIterator[Rows]:
    if request.param == "memory":
        fake: Any = FakeVespa(time.time)
        yield Rows(fake, vespa_namespace)
        return
    address = request.getfixturevalue("vespa")
    client = VespaClient(address.url, query_url=address.search_url, connections=4, timeout_s=10)
    yield Rows(client, vespa_namespace)
    await client.close()


async def test_put_wins_only_over_an_older_version(rows: Rows) -> None:
    answers = [await rows.put(7, version) for version in (10, 10, 9, 11)]
    assert answers == [Verdict.APPLIED, Verdict.SUPERSEDED, Verdict.SUPERSEDED, Verdict.APPLIED]
    assert await rows.version(7) == 11


async def test_delete_stays_as_a_memory_that_older_puts_lose_against_and_no_query_finds(rows: Rows) -> None:
    await rows.put(7, 10)
    assert await rows.delete(7, 20) is Verdict.APPLIED
    assert [await rows.put(7, version) for version in (15, 20)] == [Verdict.SUPERSEDED] * 2
    assert await rows.version(7) == 20
    assert await rows.below(100) == []
    assert await rows.put(7, 21) is Verdict.APPLIED


async def test_delete_of_what_was_never_there_leaves_a_memory_too(rows: Rows) -> None:
    assert await rows.delete(7, 20) is Verdict.APPLIED
    assert await rows.put(7, 15) is Verdict.SUPERSEDED


async def test_memory_that_has_expired_when_it_is_written_is_ignored_and_a_remove_ends_the_row(rows: Rows) -> None:
    await rows.put(7, 10)
    assert await rows.delete(7, 20, now_s=1_000_000) is Verdict.IGNORED
    assert await rows.version(7) == 10
    assert await rows.send(remove_forgotten(rows.document(7), 20, LIMITS)) is Verdict.APPLIED
    assert await rows.version(7) is None


async def test_remove_takes_older_versions_only_and_nothing_where_nothing_is(rows: Rows) -> None:
    await rows.put(7, 10)
    answers = [
        await rows.send(make(rows.document(key), version, LIMITS))
        for make in (conditional_remove, remove_forgotten)
        for key, version in ((8, 20), (7, 10))
    ]
    assert answers == [Verdict.SUPERSEDED] * 4
    assert await rows.version(7) == 10
    assert await rows.send(conditional_remove(rows.document(7), 11, LIMITS)) is Verdict.APPLIED
    assert await rows.version(7) is None


async def test_search_lists_what_is_below_a_floor_in_its_partition(rows: Rows) -> None:
    for key, version, partition in [(1, 10, 0), (2, 19, 0), (3, 20, 0), (4, 10, 1)]:
        assert await rows.put(key, version, partition) is Verdict.APPLIED

    async def listed() -> bool:
        return await rows.below(20) == ["rows/1", "rows/2"]

    await eventually_async(listed, what="what was written to be found")
    assert await rows.below(20, partition=1) == ["rows/4"]
    page = page_of(await rows.client.search(rows_of_partition(Index(rows.namespace, TYPE), "rows", 1)))
    assert page.doc_ids == ("rows/4",)
    nothing = rows_of_partition(Index(rows.namespace, TYPE), "rows", 2)
    assert page_of(await rows.client.search(nothing)).over


async def test_search_leaves_out_what_it_is_told_to_and_nothing_else(rows: Rows) -> None:
    odd = ['rows/"1"', "rows/\\", "rows/a\nb", "rows/é", "rows/')) or true"]
    for key, doc_id in enumerate([*odd, "rows/A", "rows/a", ""]):
        assert await rows.put(key, 10, doc_id=doc_id) is Verdict.APPLIED

    async def listed() -> bool:
        return await rows.below(20) == sorted([*odd, "rows/A", "rows/a", ""])

    await eventually_async(listed, what="what was written to be found")
    assert await rows.below(20, besides=[*odd, "rows/A"]) == ["", "rows/a"]
    assert await rows.below(20, besides=[*odd, "rows/A", "rows/a", ""]) == []


async def test_probe_with_every_field_is_answered_and_never_written(rows: Rows) -> None:
    settings = load(SinkSettings, [f"--vespa.namespace={rows.namespace}"], environ={})
    for probe in probes_of(settings.vespa):
        # It holds `expire_at` as well, long ago.
        assert await rows.send(probe) is Verdict.IGNORED
        assert "fields" not in await rows.client.get(probe.document.path)
