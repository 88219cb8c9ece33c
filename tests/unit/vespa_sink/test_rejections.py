"""A rejected document is held and tried again, and given up only over time (rule V13); an outage loses nothing."""

from __future__ import annotations

import random

import pytest

from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played
from vespa_sink.vespa.operations import Action, Operation

_REASON = "Field 'x' is not defined in document type procore_record: SECRET"


def _bad(operation: Operation) -> str | None:
    """Vespa does not like one row, and has nothing against the probe."""
    return _REASON if operation.document.user == "rows/7" else None


def _fifth(operation: Operation) -> str | None:
    """A fifth of the rows is bad."""
    user = operation.document.user
    return _REASON if user.startswith("rows/") and int(user.partition("/")[2]) % 5 == 0 else None


def _rows(operation: Operation) -> str | None:
    """The index takes no row, and has nothing against the probe."""
    return _REASON if operation.version else None


def _lacking(operation: Operation) -> str | None:
    """The index lacks a field of all rows; a memory has only fields that it knows."""
    return _REASON if operation.document.type == "procore_record" and operation.action is Action.PUT else None


def _nothing(operation: Operation) -> str | None:
    return None


@pytest.mark.rule("V13")
@played("--breaker.rollout-s=60")
async def test_v13_refusal_is_final_when_a_rollout_would_be_over(world: World) -> None:
    world.vespa.rejects = _bad
    await world.start()
    world.put(7, "bad", 10)
    world.put(8, "good", 11)
    await world.until(lambda: world.titles() == {8: "good"})
    await world.passes(58.0)
    assert (world.committed(), world.kafka.letters) == (0, [])
    assert (world.health.readiness()[0], world.metric("rowferry_sink_held_documents", document_type=_TYPE)) == (True, 1)
    await world.until(lambda: world.committed() == 2)
    (letter,) = world.kafka.letters
    assert letter.key == b"7"
    assert "SECRET" not in str(letter.headers)
    await world.until(lambda: world.metric("rowferry_sink_held_documents", document_type=_TYPE) == 0)


_TYPE = "procore_record"


@pytest.mark.rule("V13")
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@played()
async def test_v13_no_good_row_is_given_up_while_containers_differ(world: World, share: float) -> None:
    containers = random.Random(7)
    world.vespa.rejects = lambda operation: _REASON if containers.random() < share else None
    await world.start()
    for key in range(400):
        world.put(key, "a", 10 + key)
    await world.until(lambda: world.committed() == 400)
    assert (len(world.titles()), world.kafka.letters) == (400, [])
    assert world.health.readiness()[0]


@pytest.mark.rule("V13")
@played("--breaker.rollout-s=60")
async def test_v13_table_with_a_fifth_of_bad_rows_goes_on(world: World) -> None:
    world.vespa.rejects = _fifth
    await world.start()
    for key in range(500):
        world.put(key, "a", 10 + key)
    unready = 0
    while len(world.titles()) < 400:
        unready += not world.health.readiness()[0]
        await world.passes(0.1)
        assert world.loop.now_s < 1030.0, "no bad row holds up the good ones"
    assert (unready, world.committed() or 0, world.kafka.letters) == (0, 0, [])
    await world.until(lambda: world.committed() == 500)
    assert len(world.kafka.letters) == 100


@pytest.mark.rule("V13")
@played("--breaker.max-held=20")
async def test_v13_at_the_bound_what_was_refused_often_is_given_up_before_its_time(world: World) -> None:
    world.vespa.rejects = _fifth
    await world.start()
    for key in range(500):
        world.put(key, "a", 10 + key)
    await world.until(lambda: len(world.titles()) == 400)
    assert 60 <= len(world.kafka.letters) < 100
    assert "before its time" in str(world.kafka.letters[0].headers)
    assert world.health.readiness()[0]


@pytest.mark.rule("V13")
@played("--breaker.rollout-s=10")
async def test_v13_nothing_is_given_up_of_a_table_of_which_nothing_passes(world: World) -> None:
    world.vespa.rejects = _rows
    await world.start()
    for key in range(400):
        world.put(key, "a", 10 + key)
    await world.until(lambda: not world.health.readiness()[0])
    assert "expected documents of public.rows to be accepted" in world.health.readiness()[1]
    await world.passes(200.0)
    assert (world.committed(), world.kafka.letters) == (0, [])
    world.vespa.rejects = _nothing
    await world.until(lambda: world.committed() == 400)
    assert (len(world.titles()), world.kafka.letters, world.health.readiness()[0]) == (400, [], True)


@pytest.mark.rule("V13")
@played("--breaker.rollout-s=10")
async def test_v13_row_of_bad_rows_does_not_stop_its_table(world: World) -> None:
    world.vespa.rejects = lambda operation: _REASON if 0 < operation.version < 160 else None
    await world.start()
    for key in range(200):
        world.put(key, "a", 10 + key)
    await world.until(lambda: len(world.titles()) == 50)
    await world.until(lambda: world.committed() == 200)
    assert (len(world.kafka.letters), world.health.readiness()[0]) == (150, True)


@played("--breaker.rollout-s=10")
async def test_index_that_lacks_a_field_pauses_the_sink_and_nothing_is_given_up(world: World) -> None:
    world.vespa.rejects = _lacking
    await world.start()
    for key in range(40):
        world.put(key, "a", 10 + key)
    await world.until(lambda: not world.health.readiness()[0])
    assert "document type procore_record" in world.health.readiness()[1]
    await world.passes(1.0)
    sent, probes = len(world.vespa.sent), world.vespa.probes
    await world.passes(120.0)
    assert (len(world.vespa.sent), world.committed(), world.kafka.letters) == (sent, 0, [])
    assert world.vespa.probes > probes
    world.vespa.rejects = _nothing
    await world.until(lambda: world.committed() == 40)
    assert (len(world.titles()), world.kafka.letters, world.health.readiness()[0]) == (40, [], True)


@pytest.mark.rule("V13")
@played("--breaker.rollout-s=10")
async def test_v13_deletes_that_pass_say_nothing_of_the_fields_of_rows(world: World) -> None:
    world.vespa.rejects = _lacking
    await world.start()
    world.put(7, "a", 10)
    for second in range(60):
        world.delete(100 + second, 20 + second)
        await world.passes(1.0)
    assert (world.committed(), world.kafka.letters, world.health.readiness()[0]) == (0, [], False)
    world.vespa.rejects = _nothing
    await world.until(lambda: world.committed() == 61)
    assert (world.titles(), world.kafka.letters) == ({7: "a"}, [])


@played("--breaker.rollout-s=10")
async def test_single_row_is_not_given_up_by_an_index_that_lacks_a_field(world: World) -> None:
    world.vespa.rejects = _lacking
    await world.start()
    world.put(7, "a", 10)
    await world.until(lambda: not world.health.readiness()[0])
    await world.passes(120.0)
    assert (world.committed(), world.kafka.letters) == (0, [])
    world.vespa.rejects = _nothing
    await world.until(lambda: world.committed() == 1)
    assert (world.titles(), world.kafka.letters) == ({7: "a"}, [])


@pytest.mark.rule("V13")
@played()
async def test_v13_newer_version_takes_the_place_of_a_held_one(world: World) -> None:
    world.vespa.rejects = lambda operation: _REASON if operation.version == 10 else None
    await world.start()
    world.put(7, "bad", 10)
    world.put(8, "other", 9)
    await world.until(lambda: len(world.vespa.sent) > 1)
    world.put(7, "good", 11)
    started = world.loop.now_s
    await world.until(lambda: world.committed() == 3)
    assert world.loop.now_s - started < 5.0
    assert (world.titles(), world.kafka.letters) == ({7: "good", 8: "other"}, [])


@pytest.mark.rule("V13")
@pytest.mark.rule("V4")
@played()
async def test_v13_floor_does_not_wait_for_a_held_row_below_it_and_ends_it(world: World) -> None:
    world.vespa.rejects = _bad
    await world.start()
    await world.passes(20.0)  # what was sent before the start is over
    world.put(7, "bad", 10)
    await world.until(lambda: world.vespa.sent)
    await world.passes(0.3)
    world.floor(20)
    world.put(8, "later", 30)
    started = world.loop.now_s
    await world.until(lambda: world.committed() == 3)
    assert world.loop.now_s - started < 5.0
    world.vespa.rejects = _nothing
    await world.passes(60.0)
    assert (world.titles(), world.kafka.letters) == ({8: "later"}, [])


@pytest.mark.rule("V13")
@played()
async def test_v13_held_row_above_a_floor_is_written_when_it_passes(world: World) -> None:
    world.vespa.rejects = _bad
    await world.start()
    world.put(7, "bad", 25)
    await world.until(lambda: world.vespa.sent)
    world.floor(20)
    world.put(8, "later", 30)
    await world.until(lambda: world.titles() == {8: "later"})
    assert not world.committed()
    world.vespa.rejects = _nothing
    await world.until(lambda: world.committed() == 3)
    assert world.titles() == {7: "bad", 8: "later"}


@pytest.mark.rule("V13")
@played()
async def test_v13_held_row_neither_holds_up_a_rebalance_nor_is_it_passed(world: World) -> None:
    world.vespa.rejects = _bad
    await world.start(PARTITION, OTHER)
    world.put(6, "before", 9)
    await world.until(lambda: world.committed() == 1)
    world.put(7, "bad", 10)
    world.put(8, "behind", 11)
    await world.until(lambda: 8 in world.titles())
    await world.passes(0.5)
    started = world.loop.now_s
    world.revoke(PARTITION)
    await world.until(lambda: not world.kafka.rebalances)
    await world.passes(0.3)
    assert world.loop.now_s - started < 5.0
    assert world.committed() == 1
    world.vespa.rejects = _nothing
    await world.passes(30.0)
    assert 7 not in world.titles(), "it is another member's by now"
    world.assign(PARTITION)
    await world.until(lambda: world.committed() == 3)
    assert world.titles() == {6: "before", 7: "bad", 8: "behind"}


@played()
async def test_nothing_is_committed_or_given_up_while_vespa_is_away(world: World) -> None:
    world.vespa.down = True
    await world.start()
    world.vespa.down = False
    await world.until(lambda: world.committed() == 0)
    world.vespa.down = True
    for key in range(20):
        world.put(key, "a", 10 + key)
    await world.until(lambda: not world.health.readiness()[0])
    sent = len(world.vespa.sent)
    await world.passes(60.0)
    assert len(world.vespa.sent) - sent < 15, "one request after each growing pause"
    assert (world.committed(), world.kafka.letters) == (0, [])
    world.vespa.down = False
    await world.until(lambda: world.committed() == 20)
    assert (len(world.titles()), world.health.readiness()[0]) == (20, True)
