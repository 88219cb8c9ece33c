"""A floor is a barrier in its partition (rule V4): what it waits for, what it removes, when it is over."""

from __future__ import annotations

import pytest
import structlog

from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played
from tests.unit.vespa_sink.world.vespa import Fate
from vespa_sink.vespa.searches import PAGE

# After it no request of the partition's last owner, nor one of ours, can be left.
LATE_S = 20.0


async def _settled(world: World, *topic_partitions: object) -> None:
    """A sink that has its partition for so long that no other's write can come."""
    await world.start(*topic_partitions)  # type: ignore[arg-type]
    await world.passes(LATE_S)


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_removes_the_rows_below_it_and_no_other(world: World) -> None:
    # Taken out: the floor's version in its query, and in the condition of its removes.
    for key, version, partition in [(1, 10, 0), (2, 19, 0), (3, 20, 0), (4, 10, 1)]:
        world.vespa.hold_row(key, "held", version, partition)
    await _settled(world, PARTITION, OTHER)
    world.floor(20)
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {3: "held", 4: "held"}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_waits_for_the_writes_of_its_partition_that_are_under_way(world: World) -> None:
    # Taken out: `WriteOrder` starts a barrier although writes are open.
    await _settled(world)
    world.vespa.held = True
    world.put(7, "a", 10)
    world.floor(20)
    await world.until(lambda: world.vespa.waiting)
    searches = len(world.vespa.searches)
    await world.passes(5.0)
    assert len(world.vespa.searches) == searches
    world.vespa.release()
    await world.until(lambda: world.committed() == 2)
    assert world.titles() == {}


@pytest.mark.rule("V4")
@played()
async def test_v4_what_follows_a_floor_waits_until_it_is_over(world: World) -> None:
    # Taken out: `WriteOrder` does not keep what stands behind a barrier.
    await _settled(world)
    world.vespa.hold_row(1, "held", 10)
    world.vespa.coverage = [50] * 4
    world.floor(20)
    world.put(7, "a", 15)
    await world.until(lambda: not world.vespa.coverage)
    assert world.vespa.actions() == []
    await world.until(lambda: world.committed() == 2)
    assert world.vespa.actions() == [("remove", "rows/1", 20), ("put", "rows/7", 15)]
    assert world.titles() == {7: "a"}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_is_tried_again_while_the_search_does_not_see_everything(world: World) -> None:
    # Taken out: an empty page counts as the end whatever its coverage is.
    await _settled(world)
    world.vespa.hold_row(7, "held", 10)
    world.vespa.coverage = [99, 0]
    world.floor(20)
    await world.until(lambda: not world.health.readiness()[0])
    assert "expected a search over all documents" in world.health.readiness()[1]
    await world.until(lambda: world.committed() == 1)
    assert (world.titles(), world.health.readiness()[0]) == ({}, True)


@pytest.mark.rule("V4")
@played()
async def test_v4_pages_are_listed_until_there_is_none(world: World) -> None:
    # Taken out: the sweeper returns behind the first page.
    for key in range(450):
        world.vespa.hold_row(key, "held", 10)
    await _settled(world)
    world.floor(20)
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {}


@pytest.mark.rule("V4")
@played()
async def test_v4_row_that_became_newer_than_the_floor_after_it_was_listed_stays(world: World) -> None:
    # Taken out: the condition of the removes is always true.
    world.vespa.hold_row(7, "held", 10)
    await _settled(world)
    world.vespa.behind_search = [lambda: world.vespa.hold_row(7, "newer", 30)]
    world.floor(20)
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {7: "newer"}


@pytest.mark.rule("V4")
@played()
async def test_v4_write_that_takes_effect_after_the_floor_is_found_by_its_second_listing(world: World) -> None:
    # Taken out: the second listing.
    await _settled(world)
    world.vespa.fates = [Fate(late_s=9.0)]
    world.put(7, "a", 10)
    world.floor(20)
    await world.until(lambda: ("remove", "rows/7", 20) in world.vespa.actions())
    await world.until(lambda: world.titles() == {7: "a"}, "the first try of the write to take effect")
    await world.until(lambda: world.committed() == 2)
    assert world.titles() == {}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_behind_a_write_without_an_answer_is_passed_only_after_its_second_listing(world: World) -> None:
    # Taken out: nothing is noted of a write without an answer; doubts are never asked for.
    await _settled(world)
    world.vespa.fates = [Fate(late_s=9.0)]
    world.put(7, "a", 10)
    world.floor(20)
    world.put(8, "b", 30)
    await world.until(lambda: world.document(8))
    await world.passes(8.0)
    assert world.committed() == 1
    await world.until(lambda: world.committed() == 3)
    assert world.titles() == {8: "b"}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_soon_after_an_assignment_is_passed_only_after_its_second_listing(world: World) -> None:
    # Taken out: a new partition begins without doubts. Its last owner's writes may still come.
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.floor(20)
    await world.passes(5.0)
    world.vespa.hold_row(7, "of its last owner", 10)
    await world.passes(5.0)
    assert world.committed() == 0
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {}


@played()
async def test_floor_without_doubts_is_passed_behind_its_first_listing(world: World) -> None:
    await _settled(world)
    world.floor(20)
    began = world.loop.now_s
    await world.until(lambda: world.committed() == 1)
    assert world.loop.now_s - began < 5.0


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_of_one_partition_holds_up_no_other(world: World) -> None:
    # Taken out: all partitions have one order.
    await _settled(world, PARTITION, OTHER)
    world.vespa.coverage = [50] * 6
    world.floor(20)
    world.put(7, "a", 15, at=OTHER)
    await world.until(lambda: world.committed(OTHER) == 1)
    assert (len(world.vespa.coverage) > 0, world.committed()) == (True, 0)
    await world.until(lambda: world.committed() == 1)


def _plant(world: World, key: int, listed_as: str) -> None:
    """Another tool's document: what its `doc_id` says is not its id."""
    world.vespa.hold_row(key, "odd", 1)
    document = world.document(key)
    assert document is not None
    document["doc_id"] = listed_as


@pytest.mark.remedy("find them by doc_id")
@pytest.mark.rule("V4")
@played()
async def test_v4_floor_that_gets_on_no_further_backs_off_says_so_and_ends_with_an_alarm(world: World) -> None:
    # Taken out: what is listed again counts as removed.
    _plant(world, 9, "rows/other")
    world.vespa.hold_row(1, "held", 10)
    await _settled(world)
    world.floor(20)
    world.put(7, "a", 30)
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: not world.health.readiness()[0])
        assert (
            "removing what is gone of rows: 1 documents of rows that are gone were removed and are found again"
            in world.health.readiness()[1]
        )
        assert "(rows/other)" in world.health.readiness()[1]
        searches = len(world.vespa.searches)
        await world.passes(60.0)
        assert len(world.vespa.searches) - searches < 20
        await world.until(lambda: world.committed() == 2)
    assert (world.titles(), world.health.readiness()[0]) == ({7: "a", 9: "odd"}, True)
    (alarm,) = [each for each in logs if each["log_level"] == "error"]
    assert (alarm["table"], alarm["partition"], alarm["listed_as"]) == ("rows", 0, ["rows/other"])
    assert world.metric("rowferry_sink_floor_leftovers_total") == 1
    found = [name for name, fields in world.vespa.documents.items() if fields["doc_id"] in alarm["listed_as"]]
    world.vespa.documents.pop(*found)
    world.floor(25)
    await world.until(lambda: world.committed() == 3)
    assert (world.titles(), world.metric("rowferry_sink_floor_leftovers_total")) == ({7: "a"}, 1)


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.rule("V15")
@played()
async def test_v15_row_that_may_not_be_removed_holds_up_its_floor_alone_and_is_named(world: World, status: int) -> None:
    # Taken out: nothing; such an answer ended the service.
    world.vespa.hold_row(1, "held", 10)
    world.vespa.fails = lambda operation: Fate(status) if operation.method == "DELETE" else None
    await _settled(world, PARTITION, OTHER)
    world.floor(20)
    world.put(7, "a", 30, at=OTHER)
    await world.until(lambda: world.committed(OTHER) == 1)
    await world.until(lambda: "expected rows/1 to be removed" in world.health.readiness()[1])
    assert world.committed() == 0
    world.vespa.fails = lambda operation: None
    await world.until(lambda: world.committed() == 1)
    assert (world.titles(), world.health.readiness()[0]) == ({7: "a"}, True)


@pytest.mark.parametrize("listed_as", ["rows/other-{}", ""], ids=["other", "none"])
@pytest.mark.rule("V4")
@played()
async def test_v4_page_full_of_documents_that_cannot_be_removed_hides_nothing(world: World, listed_as: str) -> None:
    # Taken out: nothing is looked for behind a full page.
    odd = range(1000, 1000 + (2 * PAGE + 50 if listed_as else PAGE + 50))
    for key in odd:
        _plant(world, key, listed_as.format(key))
    world.vespa.hold_row(9999, "held", 10)
    await _settled(world)
    world.floor(20)
    world.put(7, "a", 30)
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: not world.health.readiness()[0])
        await world.passes(300.0)
        await world.until(lambda: world.committed() == 2)
    assert (world.titles(), world.health.readiness()[0]) == ({7: "a", **dict.fromkeys(odd, "odd")}, True)
    (alarm,) = [each for each in logs if each["log_level"] == "error"]
    assert (alarm["documents"], alarm["more_may_stay"]) == (len({listed_as.format(key) for key in odd}), False)
    began = world.loop.now_s
    world.floor(25)
    await world.until(lambda: world.committed() == 3)
    assert world.loop.now_s - began < 60, "what an earlier floor has ended with is passed at once"


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_does_not_wait_once_more_for_what_an_earlier_one_has_ended_with(world: World) -> None:
    _plant(world, 9, "rows/other")
    await _settled(world)
    world.floor(20)
    await world.until(lambda: world.committed() == 1)
    world.vespa.hold_row(1, "held", 10)
    world.floor(30)
    began = world.loop.now_s
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: world.committed() == 2)
        await world.passes(LATE_S)
    assert (world.loop.now_s - began < 60, world.titles()) == (True, {9: "odd"})
    assert [each for each in logs if each["log_level"] == "error"] == []


@pytest.mark.rule("V4")
@played()
async def test_v4_rows_that_are_removed_late_are_no_standstill(world: World) -> None:
    # Taken out: a floor ends at the first page that it cannot remove.
    world.vespa.hold_row(7, "held", 10)
    await _settled(world)
    hidden = [world.vespa.documents.pop("id:ns:procore_record::rows/7")]
    _plant(world, 9, "rows/7")
    world.floor(20)
    await world.until(lambda: not world.health.readiness()[0])
    await world.passes(30.0)
    world.vespa.documents["id:ns:procore_record::rows/7"] = hidden.pop()
    await world.until(lambda: 7 not in world.titles())
    assert world.committed() == 0
    await world.passes(100.0)
    assert world.committed() == 0, "it has got on, so it begins to wait anew"
    await world.until(lambda: world.committed() == 1)
