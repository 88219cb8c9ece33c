"""A partitioned table of the fakes: what tests of partitions that come, wait and go begin with."""

from __future__ import annotations

from tests.unit.cdc_reader.source import inserted
from tests.unit.cdc_reader.world import World

ROOT, OLD, NEW = 1, 2, 3
LEAF = b"leaf:public.parts:3"


def divided(world: World) -> World:
    """A reader that has read three rows of one partition."""
    world.source.create("parts", ROOT, leaves={"parts_1": OLD})
    world.source.transact(*(inserted(OLD, str(each), "a", None) for each in (1, 2, 3)))
    return world.start().turn(30)
