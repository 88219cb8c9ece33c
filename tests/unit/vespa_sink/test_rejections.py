"""A rejected document is judged by its breaker (`writes.breaker`, rules 1 to 4), and an outage loses nothing."""

from __future__ import annotations

from tests.unit.vespa_sink.world.sinks import World, played
from vespa_sink.vespa.operations import Operation

_REASON = "Field 'x' is not defined in document type procore_record: SECRET"


def _bad(operation: Operation) -> str | None:
    """Vespa does not like one row, and has nothing against the probe."""
    return _REASON if operation.document.user == "rows/7" else None


def _lacking(operation: Operation) -> str | None:
    """The index lacks a field of all rows."""
    return _REASON if operation.document.type == "procore_record" else None


@played()
async def test_document_that_a_sound_index_rejects_is_a_dead_letter_after_its_window(world: World) -> None:
    world.vespa.rejects = _bad
    await world.start()
    world.put(7, "bad", 10)
    world.put(8, "good", 11)
    await world.until(lambda: world.titles() == {8: "good"})
    await world.passes(5.0)
    assert (world.committed(), world.kafka.letters) == (0, [])
    await world.until(lambda: world.committed() == 2)
    (letter,) = world.kafka.letters
    assert letter.key == b"7"
    assert "SECRET" not in str(letter.headers)
    assert world.vespa.probes > 0


@played()
async def test_index_that_lacks_a_field_pauses_the_sink_and_nothing_is_given_up(world: World) -> None:
    world.vespa.rejects = _lacking
    await world.start()
    for key in range(40):
        world.put(key, "a", 10 + key)
    await world.until(lambda: not world.health.readiness()[0])
    assert "document type procore_record" in world.health.readiness()[1]
    sent = len(world.vespa.sent)
    await world.passes(120.0)
    assert (len(world.vespa.sent), world.committed(), world.kafka.letters) == (sent, 0, [])
    world.vespa.rejects = lambda operation: None
    await world.until(lambda: world.committed() == 40)
    assert (len(world.titles()), world.kafka.letters, world.health.readiness()[0]) == (40, [], True)


@played()
async def test_single_row_is_not_given_up_by_an_index_that_lacks_a_field(world: World) -> None:
    world.vespa.rejects = _lacking
    await world.start()
    world.put(7, "a", 10)
    await world.until(lambda: not world.health.readiness()[0])
    await world.passes(120.0)
    assert (world.committed(), world.kafka.letters) == (0, [])
    world.vespa.rejects = lambda operation: None
    await world.until(lambda: world.committed() == 1)
    assert (world.titles(), world.kafka.letters) == ({7: "a"}, [])


@played()
async def test_newer_version_takes_the_place_of_a_rejected_one(world: World) -> None:
    world.vespa.rejects = lambda operation: _REASON if operation.version == 10 else None
    await world.start()
    world.put(7, "bad", 10)
    await world.until(lambda: world.vespa.sent)
    world.put(7, "good", 11)
    await world.until(lambda: world.committed() == 2)
    assert (world.titles(), world.kafka.letters) == ({7: "good"}, [])


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
