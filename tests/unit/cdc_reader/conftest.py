"""Worlds for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.cdc_reader.source import inserted
from tests.unit.cdc_reader.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorld]:
    """Makes worlds (`make_world(setting=value...)`); no reader outlives the test."""
    made: list[World] = []

    def make(**settings: Any) -> World:
        made.append(World(monkeypatch, **settings))
        return made[-1]

    yield make
    for world in made:
        world.kill()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A world with a table `items` (OID 1)."""
    made = make_world()
    made.source.create("items", 1)
    return made


@pytest.fixture
def streaming(world: World) -> World:
    """A reader that has published row 1 of two tables, `items` (OID 1) and `others` (OID 2)."""
    items, others, row = 1, 2, ("1", "a", None)
    world.source.create("others", others)
    world.start().settle()
    world.source.transact(inserted(items, *row), inserted(others, *row))
    return world.turn()
