"""What stands still stops nothing else (rule V14), also where it has all that may be open."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import TopicPartition
from schemas.wire import frame
from tests.unit.vespa_sink.results import result
from tests.unit.vespa_sink.world.sinks import PARTITION, World, played
from vespa_sink.vespa.operations import Operation

FILES = [TopicPartition("cdc._files", each) for each in range(6)]


def _no_files(operation: Operation) -> str | None:
    return "Field 'x' is not defined" if operation.document.type == "procore_file" else None


def _files(world: World, count: int, version: int) -> None:
    for at in FILES:
        for number in range(count):
            file = result(file_id=f"photos/{at.partition}/{number}", version=4096 * version)
            world.kafka.write(at, file.file_id.encode(), file.to_json(), 0)


@pytest.mark.rule("V14")
@pytest.mark.parametrize("taken_before", [False, True])
@played("--max-open-records=400", "--max-open-bytes=4000000")
async def test_v14_document_type_that_is_not_taken_stops_no_other(world: World, taken_before: bool) -> None:
    # Taken out: one bound for all that is open; partitions that have not moved yet count as those that do.
    await world.start(PARTITION, *FILES)
    if taken_before:
        _files(world, 1, 50)
        await world.until(lambda: all(world.committed(at) == 1 for at in FILES))
    world.vespa.rejects = _no_files
    _files(world, 300, 51)
    await world.passes(30.0)
    began = world.loop.now_s
    for key in range(300):
        world.put(key, "good", 10 + key)
    await world.until(lambda: world.committed() == 300)
    assert world.loop.now_s - began < 60
    assert all((world.committed(at) or 0) <= 1 for at in FILES)
    assert world.kafka.letters == []
    assert not world.health.readiness()[0]
    world.vespa.rejects = lambda operation: None
    await world.until(lambda: all((world.committed(at) or 0) >= 300 for at in FILES))


@pytest.mark.rule("V14")
@played("--max-open-records=400", "--max-open-bytes=4000000")
async def test_v14_tables_whose_schemas_are_not_known_stop_no_other(world: World) -> None:
    tables = [TopicPartition("cdc.public.others", each) for each in range(6)]
    await world.start(PARTITION, *tables)
    for at in tables:
        for _ in range(300):
            world.raw(frame(b"unknown!") + b"row", at=at)
    await world.passes(30.0)
    began = world.loop.now_s
    for key in range(300):
        world.put(key, "good", 10 + key)
    await world.until(lambda: world.committed() == 300)
    assert world.loop.now_s - began < 60
    assert [world.committed(at) or 0 for at in tables] == [0] * 6
