"""A row that is given up since the index lacks a field is named, and read again once the index has it (rule V13)."""

from __future__ import annotations

import orjson
import pytest
import structlog

from schemas.errors import Unreachable
from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played
from vespa_sink.redriving import given_up
from vespa_sink.vespa.operations import Operation

pytestmark = pytest.mark.rule("V13")
_SOON = "--breaker.rollout-s=10"
_TYPE = "procore_record"


def _fields(operation: Operation) -> dict[str, object]:
    fields: dict[str, object] = orjson.loads(operation.body or b'{"fields":{}}')["fields"]
    return fields


def _no_title(operation: Operation) -> str | None:
    """The index lacks a field that only rows with a title have."""
    return f"Field 'title' is not defined in document type {_TYPE}" if "title" in _fields(operation) else None


def _waiting(world: World) -> float:
    return world.metric("rowferry_sink_lacking_field_rows", table="public.rows", field="title")


def _nothing(operation: Operation) -> str | None:
    return None


async def _given_up(world: World, *keys: int) -> None:
    """Rows with a title have been given up while others of their table passed."""
    world.vespa.rejects = _no_title
    await world.start()
    for key in keys:
        world.put(key, "title", 100 + key)
    for key in range(50, 60):
        world.put(key, "", 200 + key)
    await world.until(lambda: len(world.kafka.letters) == len(keys))


@played(_SOON)
async def test_v13_field_that_only_some_rows_have_is_named_with_their_table(world: World) -> None:
    with structlog.testing.capture_logs() as logs:
        await _given_up(world, 7, 8)
        await world.until(lambda: not world.health.readiness()[0])
    assert "fields of procore_record: expected field title to be in the index" in world.health.readiness()[1]
    assert "2 rows of public.rows" in world.health.readiness()[1]
    assert "which the index lacks" in str(world.kafka.letters[0].headers)
    assert _waiting(world) == 2
    told = [each for each in logs if each["event"].startswith("rows are given up")]
    assert [(each["table"], each["field"]) for each in told] == [("public.rows", "title")]
    assert world.health.status()["rows_given_up_for_want_of_a_field"] == [
        {"table": "public.rows", "field": "title", "rows": 2}
    ]
    await world.passes(100.0)
    assert (world.kafka.rereads, world.kafka.snapshots) == ([], [])


@played(_SOON)
async def test_v13_rows_are_read_again_once_the_index_has_the_field(world: World) -> None:
    await _given_up(world, 7, 8)
    await world.until(lambda: not world.health.readiness()[0])
    world.vespa.rejects = _nothing
    await world.until(lambda: world.kafka.rereads)
    assert world.kafka.rereads == [("public.rows", ("7", "8"), "the index takes field title now")]
    await world.until(lambda: world.health.readiness()[0])
    assert _waiting(world) == 0
    for key in (7, 8):  # as the reader does then
        world.put(key, "title", 300 + key)
    await world.until(lambda: world.committed() == 14)
    assert {key: title for key, title in world.titles().items() if title} == {7: "title", 8: "title"}
    await world.passes(100.0)
    assert len(world.kafka.rereads) == 1


@played(_SOON)
async def test_v13_restart_forgets_no_row_that_was_given_up(world: World) -> None:
    # Taken out: what was given up is known to the process alone.
    await _given_up(world, 7)
    await world.until(lambda: world.committed() == 11)
    await world.stop()
    world.vespa.rejects = _nothing
    await world.start()
    await world.until(lambda: world.kafka.rereads)
    assert world.kafka.rereads == [("public.rows", ("7",), "the index takes field title now")]


@played(_SOON)
async def test_v13_row_that_was_written_since_is_not_read_again(world: World) -> None:
    await _given_up(world, 7, 8)
    world.put(7, "", 300)
    await world.until(lambda: _waiting(world) == 1)
    world.vespa.rejects = _nothing
    await world.until(lambda: world.kafka.rereads)
    assert world.kafka.rereads == [("public.rows", ("8",), "the index takes field title now")]


@played(_SOON)
async def test_v13_row_whose_fields_the_index_has_is_its_own_fault(world: World) -> None:
    # Taken out: every refused row waits for the index.
    world.vespa.rejects = lambda operation: "Field 'title' ..." if _fields(operation).get("title") == "bad" else None
    await world.start()
    world.put(7, "bad", 10)
    world.put(8, "good", 11)
    await world.until(lambda: world.committed() == 2)
    await world.passes(100.0)
    assert (len(world.kafka.letters), world.kafka.rereads, world.health.readiness()[0]) == (1, [], True)
    assert "which the index lacks" not in str(world.kafka.letters[0].headers)


@played(_SOON)
async def test_v13_whoever_has_the_partition_asks(world: World) -> None:
    world.vespa.rejects = _no_title
    await world.start(PARTITION, OTHER)
    for at in (PARTITION, OTHER):
        world.put(7 + at.partition, "title", 100, at=at)
        world.put(50 + at.partition, "", 200, at=at)
    await world.until(lambda: len(world.kafka.letters) == 2)
    await world.until(lambda: world.committed() == world.committed(OTHER) == 2)
    world.revoke(OTHER)
    await world.until(lambda: not world.kafka.rebalances)
    world.vespa.rejects = _nothing
    await world.until(lambda: world.kafka.rereads)
    world.assign(OTHER)
    await world.until(lambda: len(world.kafka.rereads) == 2)
    assert [keys for _, keys, _ in world.kafka.rereads] == [("7",), ("8",)]


@played(_SOON)
async def test_v13_question_to_the_reader_that_fails_is_asked_again(world: World) -> None:
    await _given_up(world, 7)
    world.kafka.request_problems = [Unreachable("expected Kafka, got no answer")] * 2
    world.vespa.rejects = _nothing
    await world.until(lambda: world.kafka.rereads)
    assert world.kafka.request_problems == []


@played(_SOON)
async def test_v13_table_of_which_too_many_rows_wait_is_read_again_as_a_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_up, "MOST_ROWS", 2)
    await _given_up(world, 7, 8, 9)
    await world.until(lambda: _waiting(world) == 3)
    world.vespa.rejects = _nothing
    await world.until(lambda: world.kafka.snapshots)
    await world.until(lambda: world.health.readiness()[0])
    assert world.kafka.snapshots == [("public.rows", "the index takes field title now")]
    assert world.kafka.rereads == []
