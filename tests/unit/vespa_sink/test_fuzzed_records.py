"""Records of every topic that the sink reads, changed by chance: it goes on, what is whole is indexed (rule P14)."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from schemas.keys import row_key
from tests.unit.mutations import mutants
from tests.unit.vespa_sink import results
from tests.unit.vespa_sink.entries import RFIS
from tests.unit.vespa_sink.world.sinks import PARTITION, World, played

FILES, FILE_ROWS, TABLES = (TopicPartition(f"cdc._{name}", 0) for name in ("files", "file_rows", "tables"))
HEADERS = (("rowferry.version", b"12"),)
COUNT = 60


def _real(world: World) -> list[Record]:
    """One record of each kind; keys are of rows that nothing whole is said of."""
    put, file, row = world.rows.put(1, "a", 10), results.result(), results.row()
    deleted, floor = world.rows.delete(2, 11), world.rows.floor(5, "t")
    return [
        Record(*PARTITION, 0, row_key(["1"]), put, 0),
        Record(*PARTITION, 0, row_key(["2"]), deleted, 0),
        Record(*PARTITION, 0, row_key(["3"]), None, 0, HEADERS),
        Record(*PARTITION, 0, b"\x00floor", floor, 0),
        Record(*FILES, 0, file.file_id.encode(), file.to_json(), 0),
        Record(*FILE_ROWS, 0, row.row_id.encode(), row.to_json(), 0),
        Record(*TABLES, 0, RFIS.record_key, RFIS.to_json(), 0),
    ]


@pytest.mark.rule("P14")
@pytest.mark.parametrize("seed", range(6))
@played("--breaker.rollout-s=1")
async def test_p14_record_that_is_none_stops_nothing(world: World, seed: int) -> None:
    await world.start(PARTITION, FILES, FILE_ROWS, TABLES)
    for real in _real(world):
        for wrong in mutants(real, seed, COUNT):
            world.kafka.write(wrong.topic_partition, wrong.key, wrong.value, wrong.timestamp_ms, wrong.headers)
    world.put(7, "whole", 2**62)
    whole = results.result(file_id="photos/9/url", version=2**62)
    world.kafka.write(FILES, whole.file_id.encode(), whole.to_json(), 0)
    places = (PARTITION, FILES, FILE_ROWS, TABLES)
    await world.until(lambda: all(world.committed(each) == len(world.kafka.log[each]) for each in places))
    assert (world.document(7) or {})["title"] == "whole"
    assert "id:ns:procore_file::photos/9/url" in world.vespa.documents
    assert world.kafka.letters
    assert world.health.readiness()[0]
