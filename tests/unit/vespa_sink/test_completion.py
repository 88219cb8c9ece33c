from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from cdc_runtime.consuming.backpressure import Backpressure, Bounds
from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.row_changes import RowDelete
from cdc_runtime.consuming.tasks import Tasks
from cdc_runtime.metrics import Metrics
from schemas.errors import RecordError
from schemas.names import TableName
from vespa_sink.completion import Completion
from vespa_sink.intake.partitions import SinkPartition, size_of
from vespa_sink.intake.topics import TableTopic
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.searches import Doubts
from vespa_sink.writes.write_order import Barrier, Write, WriteOrder


class SlowDeadLetters:
    """Stores when it is let."""

    def __init__(self) -> None:
        self.stored: list[tuple[int, str]] = []
        self.let = asyncio.Event()

    async def store(self, record: Record, failure: Failure) -> None:
        await self.let.wait()
        self.stored.append((record.offset, failure.stage))


class World:
    """A partition with three records taken, and what they end by."""

    def __init__(self) -> None:
        self.order: WriteOrder[Any, Any] = WriteOrder()
        self.backpressure: Backpressure[SinkPartition] = Backpressure(Bounds())
        self.dead_letters = SlowDeadLetters()
        self.woken = asyncio.Event()
        self.registered = Metrics("vespa-sink", "1")
        self.completion = Completion(
            self.order,
            self.backpressure,
            self.dead_letters,
            tasks=Tasks(),
            metrics=SinkMetrics(self.registered, "group"),
            wake=self.woken.set,
        )
        topic = TableTopic(TableName("public", "rfis"))
        self.partition = SinkPartition(TopicPartition("cdc.public.rfis", 0), topic, Doubts(0.0))
        self.records = [Record("cdc.public.rfis", 0, offset, b"17", None, 0) for offset in range(3)]
        for record in self.records:
            self.partition.tracker.taken(record.offset)
            self.backpressure.taken(self.partition, size_of(record))

    def write(self, offset: int) -> Write[Any, Any]:
        change = RowDelete(self.records[offset], offset, b"17")
        return Write(self.partition, "id:ns:rows::rfis/17", offset, change)

    @property
    def next_offset(self) -> int | None:
        return self.partition.tracker.next_offset


def _run(story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        await story(World())

    asyncio.run(run())


async def _next_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_done_record_is_passed_and_takes_no_room() -> None:
    async def story(world: World) -> None:
        for record in world.records:
            world.completion.done(world.partition, record)
        assert (world.next_offset, world.backpressure.records) == (3, 0)

    _run(story)


def test_needless_write_is_counted_and_done() -> None:
    async def story(world: World) -> None:
        world.order.offer(world.write(0))
        world.completion.needless(world.order.offer(world.write(1)))
        assert world.next_offset == 1
        assert world.registered.registry.get_sample_value("rowferry_sink_collapsed_records_total") == 1

    _run(story)


def test_last_write_before_a_floor_wakes_who_starts_it() -> None:
    async def story(world: World) -> None:
        world.order.offer(world.write(0))
        write = world.order.take()
        assert write is not None
        barrier = Barrier(world.partition, world.records[1])
        world.order.offer(barrier)
        assert not world.woken.is_set()
        world.completion.settled(write)
        assert (world.woken.is_set(), world.order.take_barrier()) == (True, barrier)

    _run(story)


def test_what_waited_behind_a_floor_is_started_when_it_is_over() -> None:
    async def story(world: World) -> None:
        barrier = Barrier(world.partition, world.records[0])
        world.order.offer(barrier)
        world.order.take_barrier()
        world.order.offer(world.write(1))
        world.completion.floor_over(barrier)
        assert (world.woken.is_set(), world.order.take() is not None) == (True, True)
        assert world.next_offset == 0

    _run(story)


def test_record_that_cannot_be_read_is_done_once_it_is_stored_among_the_dead_letters() -> None:
    async def story(world: World) -> None:
        failure = Failure(RecordError(expected="a key", found="none"), "decode")
        world.completion.dead_letter(world.partition, world.records[0], failure)
        await _next_turns()
        assert world.next_offset == 0
        world.dead_letters.let.set()
        await _next_turns()
        assert (world.next_offset, world.dead_letters.stored) == (1, [(0, "decode")])

    _run(story)


def test_write_that_is_given_up_holds_its_document_until_it_is_stored() -> None:
    async def story(world: World) -> None:
        world.order.offer(world.write(0))
        write = world.order.take()
        assert write is not None
        failure = Failure(RecordError(expected="a document", found="a rejection"), "write")
        world.completion.give_up(write, failure, lambda: world.completion.settled(write))
        world.order.offer(world.write(1))
        await _next_turns()
        assert (world.order.take(), world.woken.is_set()) == (None, False)
        world.dead_letters.let.set()
        await asyncio.wait_for(world.woken.wait(), 10)
        assert (world.next_offset, world.dead_letters.stored) == (1, [(0, "write")])
        assert world.order.take() is not None

    _run(story)


def test_what_ends_for_a_partition_that_was_dropped_has_no_consequence() -> None:
    async def story(world: World) -> None:
        world.partition.dropped = True
        world.dead_letters.let.set()
        failure = Failure(RecordError(expected="a key", found="none"), "decode")
        world.completion.dead_letter(world.partition, world.records[0], failure)
        world.completion.done(world.partition, world.records[0])
        await _next_turns()
        assert (world.next_offset, world.dead_letters.stored) == (0, [])

    _run(story)
