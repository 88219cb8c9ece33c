"""
A whole sink, joined as the service joins it, between a Kafka and a Vespa in memory.

A test is a story: a coroutine that is given the world, and played on a clock that jumps.
"""

from __future__ import annotations

import asyncio
import inspect
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from unittest.mock import create_autospec

import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.tasks import Tasks
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.metrics import Metrics
from cdc_runtime.neighbours import Neighbours
from cdc_runtime.service import Context
from cdc_runtime.settings.models import load
from schemas.keys import FLOOR_KEY, row_key
from schemas.names import TableName
from schemas.topics import Topics
from tests.unit.vespa_sink.world import kafka as fakes
from tests.unit.vespa_sink.world.clock import Clock, JumpingLoop
from tests.unit.vespa_sink.world.events import TableEvents
from tests.unit.vespa_sink.world.kafka import FakeKafka
from tests.unit.vespa_sink.world.vespa import FakeVespa, Fields
from vespa_sink import service
from vespa_sink.documents.mapping import DocumentMapping
from vespa_sink.settings import SinkSettings

ROWS = TableName("public", "rows")
PARTITION, OTHER = TopicPartition("cdc.public.rows", 0), TopicPartition("cdc.public.rows", 1)
_OURS = ("vespa_sink.", "cdc_runtime.consuming.")
_LONGEST_STORY_S = 300.0


class World:
    """What a story works with; `start` runs the sink, `until` lets time pass."""

    def __init__(self, loop: JumpingLoop, patch: pytest.MonkeyPatch, flags: Sequence[str]) -> None:
        self.loop = loop
        self.clock = Clock(loop)
        self.kafka = FakeKafka(loop)
        self.vespa = FakeVespa(self.clock.time)
        self.health = Health("vespa-sink")
        self.health.ready()
        self.rows = TableEvents(ROWS, self.clock)
        self.topics = Topics("cdc")
        self._patch = patch
        self.settings = load(SinkSettings, ["--vespa.namespace=ns", *flags], environ={})
        self._runs: list[asyncio.Task[None]] = []
        self.tasks: Tasks
        self.metrics: Metrics
        self.announce()

    # -- what the reader writes

    def announce(self, *, schema: bool = True, entry: bool = True) -> None:
        """Publish what is to be known of the table."""
        if schema:
            self.kafka.schemas[self.rows.fingerprint] = self.rows.schema
        if entry:
            self.kafka.tables[ROWS] = self.rows.entry

    def put(self, key: int, title: str, version: int, at: TopicPartition = PARTITION) -> Record:
        return self._write(at, key, self.rows.put(key, title, version))

    def delete(self, key: int, version: int, at: TopicPartition = PARTITION) -> Record:
        return self._write(at, key, self.rows.delete(key, version))

    def tombstone(self, key: int, version: int, at: TopicPartition = PARTITION) -> Record:
        headers = (("rowferry.version", str(version).encode()),)
        return self.kafka.write(at, row_key([str(key)]), None, self._now_ms(), headers)

    def floor(self, below_version: int, at: TopicPartition = PARTITION, op: str = "t") -> Record:
        return self.kafka.write(at, FLOOR_KEY, self.rows.floor(below_version, op), self._now_ms())

    def raw(self, value: bytes, at: TopicPartition = PARTITION) -> Record:
        return self.kafka.write(at, b"7", value, self._now_ms())

    def _write(self, at: TopicPartition, key: int, value: bytes) -> Record:
        return self.kafka.write(at, row_key([str(key)]), value, self._now_ms())

    def _now_ms(self) -> int:
        return int(self.clock.time() * 1000)

    # -- the sink

    async def start(self, *topic_partitions: TopicPartition) -> None:
        """Run a sink that is given these partitions, or the first of the table."""
        self.assign(*(topic_partitions or [PARTITION]))
        tables = self._joined()
        self.tasks = Tasks()
        self.metrics = Metrics("vespa-sink", "1")
        neighbours = create_autospec(Neighbours, instance=True)
        context = Context(self.settings, Drain(5.0), self.health, self.metrics, neighbours)
        admin: Any = fakes.FakeAdmin(self.kafka)
        client: Any = self.vespa
        sink = service._Service(context, DocumentMapping(), admin, tables)
        queue: Any = fakes.FakeLetterQueue(self.kafka)
        letters = service.DeadLetters(queue, metrics=sink._metrics, health=self.health)
        self._runs.append(asyncio.ensure_future(sink._serve(sink._member(client, letters, self.tasks), self.tasks)))

    async def stop(self) -> None:
        """End it as a drain does."""
        self.tasks.stop()
        ended = await asyncio.gather(*self._runs, return_exceptions=True)
        self._runs.clear()
        for error in ended:
            if error is not None and error is not self.tasks.error:
                raise error

    async def fail(self, error: BaseException) -> None:
        """End it as an error does that no one has classified."""
        self.tasks.fail(error)
        await asyncio.gather(*self._runs, return_exceptions=True)

    def assign(self, *topic_partitions: TopicPartition) -> None:
        self.kafka.rebalances.append(lambda consumer: consumer.assign(topic_partitions))

    def revoke(self, *topic_partitions: TopicPartition) -> None:
        self.kafka.rebalances.append(lambda consumer: consumer.revoke(topic_partitions))

    def lose(self, *topic_partitions: TopicPartition) -> None:
        self.kafka.rebalances.append(lambda consumer: consumer.lose(topic_partitions))

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Let time pass until something is so."""
        deadline = self.loop.now_s + _LONGEST_STORY_S
        while not condition():
            if self.tasks.error is not None:
                raise self.tasks.error
            assert self.loop.now_s < deadline, f"expected {what or 'a condition'} within five minutes of the story"
            await asyncio.sleep(0.05)

    async def passes(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)
        if self.tasks.error is not None:
            raise self.tasks.error

    # -- what came of it

    def document(self, key: int) -> Fields | None:
        return self.vespa.documents.get(f"id:ns:procore_record::rows/{key}")

    def titles(self) -> dict[int, str]:
        """Rows that are there, by their keys."""
        found = {int(name.rpartition("/")[2]): each for name, each in self.vespa.documents.items() if "::rows/" in name}
        return {key: each["metadata"]["title"] for key, each in sorted(found.items()) if "metadata" in each}

    def committed(self, at: TopicPartition = PARTITION) -> int | None:
        return self.kafka.next_offset(at)

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    # -- the clients

    def _joined(self) -> Any:
        kafka = self.kafka
        self._patch.setattr(asyncio, "run_coroutine_threadsafe", self.loop.run_for_thread)
        self.replace_time()
        self._replace("GroupConsumer", lambda *args: fakes.FakeConsumer(kafka, args[-1]))
        self._replace("SchemaDirectory", lambda *_, **__: fakes.FakeDirectory(kafka, kafka.schemas))
        self._replace("TableDirectory", lambda *_, **__: fakes.FakeDirectory(kafka, kafka.tables))
        self._replace("Requests", lambda *_: fakes.FakeRequests(kafka))
        self._replace("Tail", lambda settings, topic, start, **_: fakes.FakeTail(kafka, topic, start))
        admin: Any = fakes.FakeAdmin(kafka)
        return service.FollowedTables(self.settings.kafka, admin)

    def replace_time(self) -> None:
        """Have the story's clock everywhere; `start` does it too."""
        self._replace("time", self.clock, only=time)

    def _replace(self, name: str, fake: Any, only: object = None) -> None:
        """In every module of ours that has it under this name."""
        for module in [each for path, each in sys.modules.items() if path.startswith(_OURS)]:
            if hasattr(module, name) and (only is None or getattr(module, name) is only):
                self._patch.setattr(module, name, fake)


Story = Callable[..., Awaitable[None]]


def played(*flags: str) -> Callable[[Story], Callable[..., None]]:
    """Make a test of a story: `flags` are settings of the sink."""

    def decorate(story: Story) -> Callable[..., None]:
        def test(**given: Any) -> None:
            with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=JumpingLoop) as runner:
                runner.run(_play(story, patch, flags, given))

        signature = inspect.signature(story)
        others = [each for name, each in signature.parameters.items() if name != "world"]
        test.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in others]
        )
        test.__name__ = test.__qualname__ = story.__name__
        test.__doc__, test.__module__ = story.__doc__, story.__module__
        return test

    return decorate


async def _play(story: Story, patch: pytest.MonkeyPatch, flags: Sequence[str], given: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    random.seed(1)
    world = World(loop, patch, flags)
    try:
        await story(world, **given)
    finally:
        if world._runs:
            world.vespa.release()
            await world.stop()
