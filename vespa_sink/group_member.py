"""
Reads the group's topics into a sink: a thread of its own for the Kafka client, everything else in the event loop.

Rules:
1. The client is used by one thread at a time: one call after the other, in one worker.
2. Partitions that are taken away are finished (bounded) and committed before they are given up; lost ones are only
   forgotten.
3. Polling goes on while partitions are paused, or the group would take them away.
4. A partition whose log is another one than before begins anew at its first offset (rule V11).

Speaks `consuming.life_cycle`.

Keeps: V7, V11, V12.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from cdc_runtime.consuming.partition_logs import PartitionLogs
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.topic_lives import Start, start_of
from cdc_runtime.health import Health
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.subjects import KAFKA
from schemas.errors import RowferryError, TransientError
from schemas.topics import Topics
from vespa_sink.intake.assignment import Assignment
from vespa_sink.intake.partition_watch import PartitionWatch
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.topics import subscription
from vespa_sink.metrics import SinkMetrics
from vespa_sink.settings import SinkSettings
from vespa_sink.sink import Sink

_log = structlog.get_logger(__name__)
_WAIT_S = 0.1
_LOOK_UP_AGAIN_S = 1.6
T = TypeVar("T")


class GroupMember:
    """One member of the consumer group. Made and used in the event loop."""

    def __init__(
        self,
        settings: SinkSettings,
        assignment: Assignment,
        sink: Sink,
        *,
        logs: PartitionLogs,
        watch: PartitionWatch,
        metrics: SinkMetrics,
        health: Health,
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._sink = sink
        self._logs = logs
        self._watch = watch
        self._metrics = metrics
        self._health = health
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka")
        self._new: list[SinkPartition] = []
        self._look_up_at = 0.0
        self._committed_at = 0.0
        self._stop_by: float | None = None
        self._closed = self._terminated = False
        wanted = subscription(Topics(settings.kafka.prefix))
        self._consumer = GroupConsumer(settings.kafka, settings.group, wanted, self)

    async def poll(self) -> None:
        """Read and submit a batch, pause and resume, and commit what is due. Raises our errors."""
        batch = self._assignment.batch
        records: list[Record] = await self._call(lambda: self._consumer.poll_batch(batch, _WAIT_S))
        await self._begin_again()
        if self._new and time.monotonic() >= self._look_up_at:
            gone = await self._begin()
            records = [each for each in records if each.topic_partition not in gone] if gone else records
        self.submit(records)
        self._health.tick()
        await self._pause_and_resume()
        if time.monotonic() - self._committed_at >= self._settings.commit_interval_s:
            await self._commit()

    def submit(self, records: Sequence[Record]) -> None:
        """Take records that were read."""
        if not self._closed:
            self._sink.take(records)

    def close(self) -> None:
        """Take no more."""
        self._closed = True

    async def join(self, deadline: float) -> None:
        """Finish and commit what was read, to a time of the monotonic clock at most, and leave the group."""
        self._stop_by = deadline
        await self._call(self._consumer.close)
        self._thread.shutdown(wait=False)

    async def terminate(self) -> None:
        """Leave the group; nothing is finished or committed any more."""
        self._closed = self._terminated = True
        await self._call(self._consumer.close)
        self._thread.shutdown(wait=False)

    # -- called by the Kafka client, in its thread

    def on_assign(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """Take partitions; their positions are looked up before anything of them is handled."""
        self._new.extend(self._in_loop(self._assignment.add, topic_partitions))

    def on_revoke(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """Finish and commit."""
        if not self._terminated:
            self._finish(topic_partitions)
        self._in_loop(lambda these: self._assignment.drop(these, "revoke"), topic_partitions)

    def on_lost(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """Forget."""
        self._in_loop(lambda these: self._assignment.drop(these, "lost"), topic_partitions)

    # -- steps

    def _finish(self, topic_partitions: Sequence[TopicPartition]) -> None:
        until = self._stop_by
        if until is None:
            until = time.monotonic() + self._settings.revoke_timeout_s
        finished = asyncio.run_coroutine_threadsafe(self._sink.finish(topic_partitions, until), self._loop)
        finished.result()
        # Asked in this thread: any other would wait for the call that we are part of. A closing client is not asked.
        asked = topic_partitions if self._stop_by is None else ()
        ends = {each: self._consumer.known_end(each) for each in asked}
        positions = self._in_loop(lambda these: self._assignment.positions(ends.get, these), topic_partitions)
        try:
            self._consumer.commit(_offsets(positions), metadata=_texts(positions))
        except RowferryError as exc:
            self._metrics.commit_failures.inc()
            _log.warning("positions of revoked partitions not committed", reason=str(exc))

    async def _begin_again(self) -> None:
        """Have partitions read again of which nothing came, and take over anew those whose log is another one."""
        silent, self._watch.silent = self._watch.silent, []
        for assigned in [each for each in silent if not each.dropped]:
            place, next_offset = assigned.topic_partition, assigned.tracker.next_to_read
            await self._call(partial(self._consumer.begin_again, place, next_offset))
            self._metrics.begun_again("silent")
        found, self._watch.anew = self._watch.anew, []
        self._new += [self._assignment.renew(each, anew) for each, anew in found if not each.dropped]

    async def _begin(self) -> set[TopicPartition]:
        """
        Look up where new partitions stand; while Kafka does not say, nothing of them is handled.

        Returns those that begin anew: what was read of them before is of no use.
        """
        new, self._new = [each for each in self._new if not each.dropped], []
        try:
            starts = await self._call(lambda: self._look_up(new))
        except TransientError as exc:
            self._put_off(new)
            self._health.not_ready(str(exc), KAFKA)
            return set()
        self._health.ready(KAFKA)
        self._put_off([each for each in new if each.topic_partition not in starts])
        for assigned in new:
            start = starts.get(assigned.topic_partition)
            if start is not None and not assigned.dropped:
                self._start(assigned, start)
        return {each for each, start in starts.items() if start.anew is not None}

    def _put_off(self, new: Sequence[SinkPartition]) -> None:
        """A topic that is not there is made, or its partitions are taken away."""
        if new:
            self._new = [*new, *self._new]
            self._look_up_at = time.monotonic() + _LOOK_UP_AGAIN_S

    def _start(self, assigned: SinkPartition, start: Start) -> None:
        if start.anew is not None:
            _log.warning("partition begins anew", partition=str(assigned.subject), reason=start.anew.reason)
            self._metrics.begun_again("anew")
            assigned = self._assignment.renew(assigned, start.anew)
        self._sink.begin(assigned, start)

    def _look_up(self, new: Sequence[SinkPartition]) -> dict[TopicPartition, Start]:
        """In the client's thread. Partitions that begin anew are read from their first offset from here on."""
        places = [each.topic_partition for each in new]
        commits = {
            place: CommittedPosition.read(*committed)
            for place, committed in self._consumer.committed_with_metadata(places).items()
        }
        logs = self._logs.of(places)
        starts = {
            each.topic_partition: start_of(commits.get(each.topic_partition), logs[each.topic_partition], each.anew)
            for each in new
            if each.topic_partition in logs
        }
        for place, start in starts.items():
            if start.anew is not None:
                self._consumer.begin_again(place, start.log.first_offset)
        return starts

    async def _pause_and_resume(self) -> None:
        pause, resume = self._assignment.turns()
        if pause or resume:
            await self._call(lambda: self._turn(pause, resume))

    def _turn(self, pause: Iterable[TopicPartition], resume: Iterable[TopicPartition]) -> None:
        self._consumer.pause(pause)
        self._consumer.resume(resume)

    async def _commit(self) -> None:
        self._committed_at = time.monotonic()
        positions = self._assignment.positions(self._consumer.known_end)
        if not positions:
            return
        try:
            await self._call(
                lambda: self._consumer.commit(_offsets(positions), synchronous=False, metadata=_texts(positions))
            )
        except TransientError as exc:
            self._metrics.commit_failures.inc()
            _log.warning("offsets not committed", reason=str(exc))
        self._metrics.commit_duration.observe(time.monotonic() - self._committed_at)

    # -- threads

    async def _call(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._thread, work)

    def _in_loop(self, work: Callable[[Sequence[TopicPartition]], T], topic_partitions: Sequence[TopicPartition]) -> T:
        """Run a step in the event loop, from the client's thread."""

        async def step() -> T:
            return work(topic_partitions)

        return asyncio.run_coroutine_threadsafe(step(), self._loop).result()


def _offsets(positions: dict[TopicPartition, CommittedPosition]) -> dict[TopicPartition, int]:
    return {topic_partition: position.next_offset for topic_partition, position in positions.items()}


def _texts(positions: dict[TopicPartition, CommittedPosition]) -> dict[TopicPartition, str]:
    return {topic_partition: position.metadata for topic_partition, position in positions.items()}
