"""Documents are made of the entry that their event is of, or of a newer one (rule D9)."""

from __future__ import annotations

import pytest

from schemas.tables import Relationship
from tests.unit.vespa_sink.world.events import TableEvents
from tests.unit.vespa_sink.world.sinks import ROWS, World, played

PARENT = Relationship("out", "title", "public.rows", "id", "belongs_to", declared=True)


def parents(world: World, key: int) -> object:
    document = world.document(key)
    return None if document is None else document.get("parent_ids")


@pytest.mark.rule("D9")
@played()
async def test_d9_row_that_is_read_again_is_made_of_the_new_entry_however_late_that_is_seen(world: World) -> None:
    # Taken out: the comparison of schema and mark; the schema is known already, and `_tables` is only polled.
    before, after = world.rows, TableEvents(ROWS, world.clock, PARENT)
    world.kafka.schemas[after.fingerprint] = after.schema
    world.put(7, "1", 10)
    await world.start()
    await world.until(lambda: world.committed() == 1)
    assert parents(world, 7) is None
    world.kafka.tables[ROWS] = after.entry
    world.rows = after
    world.put(7, "1", 11)
    await world.until(lambda: world.committed() == 2)
    assert parents(world, 7) == ["rows/1"]
    world.rows = before
    world.put(8, "1", 12)
    await world.until(lambda: world.committed() == 3)
    assert parents(world, 8) == ["rows/1"], "an older event goes by the entry of now"


@pytest.mark.rule("D9")
@played()
async def test_d9_events_of_an_older_entry_cost_one_look_and_not_one_each(world: World) -> None:
    # Taken out: what was compared is remembered.
    world.kafka.tables[ROWS] = TableEvents(ROWS, world.clock, PARENT).entry
    await world.start()
    looks = world.kafka.refreshes
    for key in range(1, 10):
        world.put(key, "1", 10 + key)
        await world.until(lambda: world.committed() == key)  # noqa: B023 - it is awaited here
    assert (parents(world, 9), world.kafka.refreshes - looks) == (["rows/1"], 2)  # of schemas, and of tables
