"""
Joins reading and writing: records come in, writes and floors go out, and offsets follow what is durable.

Rules:
1. A record is done when its effect is durable in the index, it lies in the dead letters, or it has none.
2. An offset is committed only behind records that are all done (`OffsetTracker`), and only for partitions we hold.
3. A record that cannot be read yet (unknown schema or table, rule P10) holds its partition; it is never dead-lettered.
4. A floor stands alone in its partition (rule V4).

One event loop; leaves reading Kafka to `source`, sending to `writer`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from cdc_runtime.dead_letters import Failure
from cdc_runtime.health import Health
from cdc_runtime.offsets import OffsetTracker
from cdc_runtime.records import Record, TopicPartition
from schemas.errors import RecordError, RowferryError, TransientError
from schemas.topics import Topics
from schemas.wire import EventDecoder, UnknownSchema
from vespa_sink.attempts import RowWrite
from vespa_sink.burials import Burials
from vespa_sink.composer import Composer
from vespa_sink.feed import Feed
from vespa_sink.floors import Doubts, Sweep
from vespa_sink.flow import Flow
from vespa_sink.freshness import Commit
from vespa_sink.future_versions import FutureVersions
from vespa_sink.intake import Floor, Nothing, RowChange, RowPut, TablePut, row_change, table_change
from vespa_sink.lanes import Barrier, Lanes, Write
from vespa_sink.operations import Operation
from vespa_sink.partitions import Assigned, size_of
from vespa_sink.plans import Plans
from vespa_sink.positions_checked import PositionCheck
from vespa_sink.sweeper import Sweeper
from vespa_sink.tables_followed import FollowedTables
from vespa_sink.telemetry import Telemetry
from vespa_sink.writer import Writer

_log = structlog.get_logger(__name__)
_FOLLOW_S = 1.0  # how often `_tables` is looked at
_STUCK_S = 5.0  # longest pause between two looks for a schema that is missing
_DRAIN_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Parts:
    """What a sink is joined from."""

    topics: Topics
    record_type: str
    feed: Feed
    lanes: Lanes[Assigned, Any]
    flow: Flow[Assigned]
    composer: Composer
    plans: Plans
    tables: FollowedTables
    sweeper: Sweeper
    burials: Burials
    positions: PositionCheck
    versions: FutureVersions
    telemetry: Telemetry
    health: Health


class Sink:
    """The state of one member of the group. All methods run in the event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lanes = parts.lanes
        self._flow = parts.flow
        self._plans = parts.plans
        self._telemetry = parts.telemetry
        self._decode = EventDecoder(parts.tables.schema).decode
        self._held: dict[TopicPartition, Assigned] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._blocked = asyncio.Event()
        self.stopped = asyncio.Event()
        self.error: BaseException | None = None
        self.writer: Writer

    # -- partitions

    def assign(self, places: Iterable[TopicPartition]) -> list[Assigned]:
        """Take partitions over; their records wait until `begin`."""
        now = time.monotonic()
        taken = []
        for place in places:
            name = self._parts.topics.parse_table(place.topic)
            assigned = Assigned(
                place=place,
                table=name[0] if name else None,
                tracker=OffsetTracker(),
                doubts=Doubts(now + self._parts.feed.longest_request_s),
                as_of_ms=0,
                blocked_by="its position is looked up",
            )
            self._held[place] = assigned
            taken.append(assigned)
        self._telemetry.rebalanced("assign")
        self._telemetry.assigned.set(len(self._held))
        return taken

    def begin(self, assigned: Assigned, commit: Commit | None, first_offset: int) -> None:
        """Start a partition at its committed position, or at the first offset that it still has."""
        assigned.tracker = OffsetTracker(commit.next_offset if commit else first_offset)
        if commit is not None:
            assigned.committed = commit.next_offset
            assigned.as_of_ms = assigned.committed_as_of_ms = commit.as_of_ms or 0
        else:
            assigned.as_of_ms = int(time.time() * 1000)
        self.run(self._check_position(assigned, commit))

    def drop(self, places: Iterable[TopicPartition], kind: str) -> None:
        """Forget partitions; what is on its way for them has no consequence."""
        for place in places:
            assigned = self._held.pop(place, None)
            if assigned is not None:
                assigned.dropped = True
                assigned.backlog.clear()
                self._lanes.drop(assigned)
                self._flow.drop(assigned)
                self.health(self._subject(assigned), None)
        self._telemetry.rebalanced(kind)
        self._telemetry.assigned.set(len(self._held))

    async def finish(self, places: Sequence[TopicPartition], until: float) -> None:
        """
        Wait until what was taken of these partitions is written, to a time of the monotonic clock at most.

        What cannot be written now, or waits for a schema, is read again by whoever takes the partition over.
        """
        held = [self._held[place] for place in places if place in self._held]
        while time.monotonic() < until and any(self._lanes.open_in(each) for each in held):
            if self.error is not None or self.writer.hopeless:
                return
            await asyncio.sleep(_DRAIN_LOOK_S)

    def positions(
        self, end_of: Callable[[TopicPartition], int | None], places: Iterable[TopicPartition] | None = None
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Next offsets to commit, each with how current it is; `places`: these, whether or not they have moved."""
        now_ms = int(time.time() * 1000)
        chosen = list(self._held) if places is None else [place for place in places if place in self._held]
        found = {}
        for place in chosen:
            assigned = self._held[place]
            if places is not None:
                assigned.committed = None
            position = assigned.commit(end_of(place), now_ms)
            if position is not None:
                found[place] = position
                assigned.is_committed(*position)
        return found

    def turns(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Partitions to pause and to resume."""
        pause, resume = self._flow.turn()
        for assigned in pause:
            assigned.paused = True
        for assigned in resume:
            assigned.paused = False
        if pause or resume:
            self._telemetry.paused.set(sum(each.paused for each in self._held.values()))
        return [each.place for each in pause], [each.place for each in resume]

    # -- records

    def take(self, records: Sequence[Record]) -> None:
        """Take records that were read; those of partitions that we do not hold are passed over."""
        for record in records:
            assigned = self._held.get(TopicPartition(record.topic, record.partition))
            if assigned is None:
                continue
            if assigned.blocked_by:
                self._flow.taken(assigned, size_of(record))
                assigned.backlog.append(record)
            elif assigned.tracker.taken(record.offset):
                self._flow.taken(assigned, size_of(record))
                self._telemetry.consumed(record.topic)
                self._admit(assigned, record)
        if records:
            self.writer.pump()

    def _admit(self, assigned: Assigned, record: Record, *, refreshed: bool = False) -> bool:
        """Bring a record that was taken into the lanes; False when it blocks its partition."""
        try:
            change = table_change(record) if assigned.table is None else row_change(record, self._decode)
        except UnknownSchema as exc:
            return self._block(assigned, record, str(exc))
        except RecordError as exc:
            self.run(self._bury(assigned, record, Failure(exc, "decode", __name__)))
            return True
        if isinstance(change, RowPut) and not self._has_plan(assigned, change, refreshed=refreshed):
            reason = f"expected table {assigned.table} in the tables topic, found an older entry or none"
            return self._block(assigned, record, reason)
        self._enter(assigned, change)
        return True

    def _has_plan(self, assigned: Assigned, change: RowPut, *, refreshed: bool) -> bool:
        assert assigned.table is not None
        return self._plans.find(assigned.table, change.event, refreshed=refreshed) is not None

    def _enter(self, assigned: Assigned, change: RowChange | TablePut) -> None:
        record = change.record
        assigned.last_written_ms = record.timestamp_ms
        if isinstance(change, Nothing):
            self._telemetry.skipped(change.reason)
            self._done(assigned, record)
        elif isinstance(change, Floor):
            self._lanes.offer(Barrier(assigned, change))
            self._start_floors()
        else:
            if isinstance(change, TablePut):
                self._plans.forget()
            document = self._parts.composer.document(assigned.table, change)
            self._needless(self._lanes.offer(Write(assigned, str(document), change.version, change)))

    def _needless(self, writes: Iterable[RowWrite]) -> None:
        for write in writes:
            self._telemetry.collapsed.inc()
            self.settled(write)

    def _done(self, assigned: Assigned, record: Record) -> None:
        if not assigned.dropped:
            assigned.tracker.done(record.offset)
            self._flow.done(assigned, size_of(record))

    # -- blocked partitions (rule P10)

    def _block(self, assigned: Assigned, record: Record, reason: str) -> bool:
        assigned.backlog.appendleft(record)
        assigned.blocked_by = reason
        assigned.blocked_offset = record.offset
        self._blocked.set()
        return False

    async def follow_tables(self) -> None:
        """Keep plans true, and look for what blocked partitions miss, for ever."""
        pause = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._blocked.wait(), _FOLLOW_S)
            await asyncio.sleep(pause)
            self._blocked.clear()
            # Only these have waited for the whole refresh that follows.
            stuck = [each for each in self._held.values() if each.checked and each.blocked_by]
            try:
                changed = await (self._parts.tables.refresh() if stuck else self._parts.tables.poll())
            except TransientError as exc:
                _log.warning("tables topic cannot be read", reason=str(exc))
                self._blocked.set()
                pause = _STUCK_S
                continue
            if changed:
                self._plans.forget()
            left = [each for each in stuck if not each.dropped and not self._unblock(each, refreshed=True)]
            if left:
                self._blocked.set()
            pause = min(_STUCK_S, pause * 2 + 0.2) if left else 0.0
            self.writer.pump()

    def _unblock(self, assigned: Assigned, *, refreshed: bool = False) -> bool:
        """Go on with what waited; False when the partition is blocked again (or still)."""
        assigned.blocked_by = ""
        while assigned.backlog:
            record = assigned.backlog.popleft()
            if assigned.tracker.taken(record.offset):
                self._telemetry.consumed(record.topic)
            elif record.offset != assigned.blocked_offset:
                self._flow.done(assigned, size_of(record))
                continue
            if not self._admit(assigned, record, refreshed=refreshed):
                self.health(self._subject(assigned), assigned.blocked_by)
                return False
        self.health(self._subject(assigned), None)
        return True

    async def _check_position(self, assigned: Assigned, commit: Commit | None) -> None:
        if assigned.table is not None:
            await self._parts.positions.check(
                assigned.table,
                assigned.place,
                commit,
                wanted=lambda: not assigned.dropped,
                on_trouble=lambda reason: self.health(self._subject(assigned), reason),
            )
        if not assigned.dropped:
            assigned.checked = True
            self._unblock(assigned)
            self.writer.pump()

    # -- floors (rule V4)

    def _start_floors(self) -> None:
        while (barrier := self._lanes.take_barrier()) is not None:
            self.run(self._carry_out(barrier))

    async def _carry_out(self, barrier: Barrier[Assigned, Floor]) -> None:
        assigned, floor = barrier.partition, barrier.content
        assert assigned.table is not None
        sweep = Sweep(
            self._parts.record_type,
            assigned.table.document_table,
            assigned.place.partition,
            floor.below_version,
        )
        await self._sweep(assigned, sweep)
        doubtful = assigned.doubts.left_s(time.monotonic()) > 0
        self._needless(self._lanes.barrier_done(barrier))
        self._start_floors()
        if not doubtful:
            self._done(assigned, floor.record)
        self.writer.pump()
        await asyncio.sleep(self._parts.feed.longest_request_s)
        await self._sweep(assigned, sweep)
        if doubtful:
            self._done(assigned, floor.record)

    async def _sweep(self, assigned: Assigned, sweep: Sweep) -> None:
        await self._parts.sweeper.sweep(
            sweep,
            wanted=lambda: not assigned.dropped,
            on_trouble=lambda reason: self.health(self._subject(assigned), reason),
        )

    # -- what the writer tells

    def settled(self, write: RowWrite) -> None:
        """The write's effect is durable, or another write made it needless."""
        self._done(write.partition, write.content.record)
        self._start_floors()

    def give_up(self, write: RowWrite, error: RowferryError) -> None:
        """Store the record among the dead letters, then let the writer go on."""
        self.run(self._bury_write(write, error))

    def superseded(self, operation: Operation) -> None:
        """Look at a sample of refused writes (rule V8)."""
        look = self._parts.versions.look(operation)
        if look is not None:
            self.run(look)

    def failed(self, error: BaseException) -> None:
        """Stop the service with this error."""
        self.error = self.error or error
        self.stopped.set()

    def health(self, subject: str, reason: str | None) -> None:
        """Show what is wrong, or that it no longer is."""
        if subject.startswith("document type "):
            self._telemetry.circuit_open.set(0 if reason is None else 1)
        if reason is None:
            self._parts.health.ready(subject)
        else:
            self._parts.health.not_ready(reason, subject)

    # -- dead letters

    async def _bury_write(self, write: RowWrite, error: RowferryError) -> None:
        if not write.partition.dropped:
            await self._parts.burials.bury(
                write.content.record, Failure(error, "write", __name__), self._burial_trouble
            )
        self.writer.ended(write)

    async def _bury(self, assigned: Assigned, record: Record, failure: Failure) -> None:
        await self._parts.burials.bury(record, failure, self._burial_trouble)
        self._done(assigned, record)

    def _burial_trouble(self, reason: str | None) -> None:
        self.health("dead letters", reason)

    # -- tasks

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that ends with this sink; what it lets out stops the service."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed(error)

    async def close(self) -> None:
        """End all tasks."""
        await self.writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _subject(self, assigned: Assigned) -> str:
        return f"{assigned.place.topic}[{assigned.place.partition}]"
