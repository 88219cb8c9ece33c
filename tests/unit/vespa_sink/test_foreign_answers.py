"""What is not Vespa's answer is an outage (rule V10): nothing counts as written, and no document is sent."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import NeighbourMissing
from tests.unit.vespa_sink.world.sinks import World, played
from tests.unit.vespa_sink.world.vespa import Fate
from vespa_sink import neighbours

FRONTS = {
    "log-in page": (302, "text/html", b""),
    "page for everything": (200, "text/html", b"<html>please log in</html>"),
    "other JSON": (200, "application/json", b'{"status":"ok"}'),
    "nothing": (200, "", b""),
    "a proxy's 404": (404, "text/plain", b"default backend"),
    "a proxy's 412": (412, "text/html", b"<html>"),
    "a mock": (200, "application/json", b'{"pathId":"/document/v1/a","id":"id:a:b::c"}'),
}
PROXIES = [each for name, each in FRONTS.items() if name != "a mock"]  # which answers writes as Vespa does


@pytest.mark.rule("V10")
@pytest.mark.parametrize("front", PROXIES, ids=str)
@played()
async def test_v10_nothing_counts_as_written_before_vespa_itself_answers(
    world: World, front: tuple[int, str, bytes]
) -> None:
    world.put(1, "old", 9)
    await world.start()
    await world.until(lambda: world.committed() == 1)
    world.vespa.front = front
    for key in range(2, 102):
        world.put(key, "a", 10 + key)
    world.delete(1, 200)
    await world.until(lambda: not world.health.readiness()[0])
    told = world.health.readiness()[1]
    assert f"an answer that is not Vespa's (status {front[0]}, {front[1] or 'no content type'})" in told
    await world.passes(1.0)
    sent, probes = len(world.vespa.sent), world.vespa.probes
    await world.passes(60.0)
    assert (len(world.vespa.sent), world.committed(), world.kafka.letters) == (sent, 1, [])
    assert world.vespa.probes > probes, "it is asked again"
    world.vespa.front = None
    await world.until(lambda: world.committed() == 102)
    assert (len(world.titles()), world.document(1)) == (100, {"deleted": True} | _memory(world))
    assert world.health.readiness()[0]


def _memory(world: World) -> dict[str, object]:
    document = world.document(1)
    assert document is not None
    return {name: document[name] for name in ("version", "expire_at")}


@pytest.mark.rule("V10")
@played()
async def test_v10_one_foreign_answer_among_good_ones_has_its_write_sent_again(world: World) -> None:
    world.vespa.fates = [Fate(), Fate(412, foreign="status 412, text/html"), Fate(200, foreign="status 200, text/html")]
    await world.start()
    for key in range(4):
        world.put(key, "a", 10 + key)
    await world.until(lambda: world.committed() == 4)
    assert len(world.titles()) == 4
    assert world.metric("rowferry_sink_retries_total", reason="foreign") == 2


@pytest.mark.rule("V10")
@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
@played("--start-timeout-s=3")
async def test_v10_sink_does_not_start_before_vespa_itself_answers(world: World, front: tuple[int, str, bytes]) -> None:
    world.replace_time()
    vespa: Any = world.vespa
    vespa.front = front
    with pytest.raises(NeighbourMissing, match="not Vespa's") as raised:
        await neighbours.wait_for_vespa(vespa, world.settings, lambda: False)
    assert "let vespa.url lead to Vespa" in str(raised.value.remedy)
    world.loop.call_later(1.0, setattr, vespa, "front", None)
    assert await neighbours.wait_for_vespa(vespa, world.settings, lambda: False)
    assert vespa.sent == []
