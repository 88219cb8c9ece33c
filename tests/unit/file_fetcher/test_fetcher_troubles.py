"""What a member of the group does when transactions do not happen, or retries cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from file_fetcher import fetcher as fetchers
from file_fetcher.references.local import ReferenceStore
from tests.unit.file_fetcher.brokers import ABORTS
from tests.unit.file_fetcher.members import Clock, World
from tests.unit.file_fetcher.rows import PLACE

FETCHED = "photos/7/image_s3_key", "fetched"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    clock = Clock()
    monkeypatch.setattr(fetchers, "time", clock)
    monkeypatch.setattr("file_fetcher.publication.time", clock)
    store = ReferenceStore(tmp_path)
    yield World(store, clock)
    store.close()


def test_member_that_cannot_settle_is_not_ready_until_it_can(world: World) -> None:
    world.own()
    world.broker.fates = [ABORTS]
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.step(5.0)
    assert world.health.readiness() == (False, "transactions: expected a commit, got none")
    world.step(5.0)
    assert world.results() == [FETCHED]
    assert world.health.readiness()[0]


def test_trouble_with_what_is_no_longer_ours_is_over(world: World) -> None:
    world.own()
    world.broker.fates = [ABORTS]
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.step(5.0)
    world.fetcher.drop([PLACE], "lost")
    world.step(5.0)
    assert world.health.readiness()[0]
