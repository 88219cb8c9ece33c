"""
Edge: carries polls on, on the stream's thread: begins what is due, publishes what is found, and says how far it is.

What is published of a poll, and its mark, are in the open Kafka transaction. The next poll of the table begins behind
its commit: it compares with what the topic holds.

Keeps: L1, L2, S7, V6, D8.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import structlog

from cdc_reader.polling.counts import PollCounts
from cdc_reader.polling.events import PollEvents
from cdc_reader.polling.plans import Kind, Life, PollTerms, marked, poll_plan
from cdc_reader.polling.reads import NoKey, RowsRead
from cdc_reader.polling.schedule import Schedule
from cdc_reader.polling.table_poll import Step, TablePoll
from cdc_reader.polling.work import Failed, PollWork, Prepared
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.remedies import FEW_ROWS
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.snapshot.chunks import ChunkBounds, ChunkSize
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.tables.polled import PolledTable
from schemas.control import Command, State
from schemas.errors import RowferryError, TransientError
from schemas.keys import parse_row_key
from schemas.names import TableName
from schemas.poll_marks import DONE, HELD, RUNNING, PollMark

logger = structlog.get_logger(__name__)
_KEYS_AT_ONCE = 500
_KEYS_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class PollerTerms:
    """What the settings say: of polls, and of the rows and bytes of one chunk. `incarnation`: rule S6."""

    incarnation: str
    poll: PollTerms
    chunk_rows: int
    chunk_bytes: int


@dataclass(frozen=True, slots=True)
class Companions:
    """Whom polls ask and tell. `seen`: rule V6. `clock` is monotonic, `now_us` the wall clock in microseconds."""

    record_command: Callable[[Command], None]
    seen: Callable[[int], None]
    clock: Callable[[], float]
    now_us: Callable[[], int]


@dataclass(frozen=True, slots=True)
class _Keys:
    """Rows that are asked for by their keys."""

    keys: list[bytes]
    commands: list[Command]
    not_before: float = 0.0  # in monotonic seconds


class Poller:
    """All polled tables of a session. Every method is for the stream's thread."""

    def __init__(
        self,
        tables: Iterable[PolledTable],
        marks: Mapping[str, PollMark],
        terms: PollerTerms,
        *,
        work: PollWork,
        events: PollEvents,
        sink: EventSink,
        schedule: Schedule,
        companions: Companions,
    ) -> None:
        self._tables = {str(table.name): table for table in tables}
        self._marks = {name: mark for name, mark in marks.items() if name in self._tables}
        self._work, self._events, self._sink = work, events, sink
        self._schedule, self._terms = schedule, terms
        self._record_command, self._seen = companions.record_command, companions.seen
        self._clock, self._now_us = companions.clock, companions.now_us
        self._asked: dict[str, list[Command]] = {}
        self._begun: dict[str, set[str]] = {}  # for which commands the first read that is under way was begun
        self._keys: defaultdict[str, deque[_Keys]] = defaultdict(deque)
        self._uncommitted: set[str] = set()
        self.troubles: dict[str, str] = {}
        self.counts = PollCounts()

    # What is asked for

    def read_table(self, table: TableName, _cause: str, *, commands: list[Command]) -> None:
        """Read every row of a table and publish it, as soon as may be."""
        self._asked.setdefault(str(table), []).extend(commands)
        self._schedule.soon(str(table), self._clock())

    def read_keys(self, table: TableName, keys: list[bytes], *, commands: list[Command]) -> None:
        """Read the rows with these keys and publish them."""
        self._keys[str(table)].append(_Keys(keys, commands))

    def asked(self, command_id: str) -> bool:
        """Whether a command for whole tables is not done yet."""
        return any(each.id == command_id for commands in self._asked.values() for each in commands)

    # What happens

    def poll(self) -> None:
        """Begin what is due. Of one table one thing at a time: what was read first is published first."""
        for name, waiting in self._keys.items():
            if waiting and not self._schedule.busy(name) and waiting[0].not_before <= self._clock():
                self._schedule.began(name)
                self._read_keys(self._tables[name], waiting.popleft())
        for name in self._schedule.due(self._clock()):
            if name not in self._uncommitted:
                self._schedule.began(name)
                table = self._tables[name]
                swept = self._events.swept_below(table.table)
                self._work.prepare(table, swept, self._begin_of(table), self._failed(table))

    def committing(self) -> None:
        """All that was published until now is about to be committed; whoever outlives that has seen it."""
        self._uncommitted.clear()

    def _begin_of(self, table: PolledTable) -> Callable[[Prepared], None]:
        return lambda prepared: self._begin(table, prepared)

    def _begin(self, table: PolledTable, prepared: Prepared) -> None:
        name = str(table.name)
        mark, life = self._marks.get(name), self._life(table)
        commands = list(self._asked.get(name, ()))
        plan = poll_plan(table, mark, prepared.moment, self._terms.poll, life=life, again=bool(commands))
        # Of a topic that was made again `known` says nothing, but what the last poll found (rule S7).
        before = mark.rows if mark is not None and mark.oid == table.table.entry.oid and plan.kind is Kind.FIRST else 0
        known = max(prepared.known, before)
        poll = TablePoll(table, plan, prepared.moment, self._work.next_poll(), known, self._size(), commands=commands)
        if poll.first:
            poll.below = self._first_mark(poll, mark, life).below_version
            poll.commands = [self._running(command) for command in commands]
            self._asked[name] = list(poll.commands)
            logger.info("first_poll_begins", table=name, cause=plan.cause)
        self._read_on(poll)

    def _life(self, table: PolledTable) -> Life:
        return Life(self._terms.incarnation, self._work.topics.get(table.table.topic, ""))

    def _first_mark(self, poll: TablePoll, mark: PollMark | None, life: Life) -> PollMark:
        """The mark of a first read, which one that was cut off goes on with: its rows need not go out again."""
        name = str(poll.table.name)
        same = mark is not None and Life(mark.incarnation, mark.topic_id) == life
        asked = {command.id for command in poll.commands}
        if mark is None or not same or mark.state != RUNNING or not asked <= self._begun.get(name, set()):
            self._begun[name] = asked
            # Nothing of this table is waiting to be published: no stream brings it.
            mark = PollMark(
                table=name,
                state=RUNNING,
                below_version=self._events.boundary(self._now_us()),
                topic_id=life.topic_id,
                fingerprint=poll.table.definition,
                incarnation=life.incarnation,
            )
            self._record(mark)
        return mark

    def _read_on(self, poll: TablePoll) -> None:
        request = poll.next_chunk(self._terms.chunk_bytes * 4)
        self._work.read(
            poll.table,
            request,
            poll.number,
            lambda read: self._on_rows(poll, read),
            self._failed(poll.table),
            since=poll.below,
            checks_key=poll.table.named_key and poll.first and not poll.rows_read,
        )

    def _on_rows(self, poll: TablePoll, read: RowsRead) -> None:
        table, now_us = poll.table, self._now_us()
        self.counts.read(table.name, read.rows)
        if read.differences:
            self._publishing(table)
            self._events.rows(table.table, read.differences, read=poll.first, seen_lsn=read.seen_lsn, now_us=now_us)
            poll.changes += len(read.differences)
        self._seen(read.seen_lsn)
        poll.chunk_read(read.rows, read.size, read.last_key, complete=read.complete, seen_lsn=read.seen_lsn)
        if poll.step is not Step.MISSING:
            self._read_on(poll)
        elif poll.first:
            self._finish_first(poll)
        else:
            self._work.count_missing(
                table, poll.number, lambda missing: self._on_missing(poll, missing), self._failed(table)
            )

    def _finish_first(self, poll: TablePoll) -> None:
        """Sweep what is older, unless that looks wrong (rule S7)."""
        missing = max(0, poll.known - poll.rows_read)
        if poll.looks_wrong(missing):
            self._hold(poll, missing)
            return
        self._publishing(poll.table)
        self._events.sweep(poll.table.table, poll.below, seen_lsn=poll.seen_lsn, now_us=self._now_us())
        self._finish(poll, DONE)

    def _on_missing(self, poll: TablePoll, missing: int) -> None:
        if not missing:
            self._finish(poll, DONE)
        elif poll.looks_wrong(missing):
            self._hold(poll, missing)
        else:
            self._next_missing(poll)

    def _next_missing(self, poll: TablePoll) -> None:
        self._work.missing(
            poll.table,
            poll.number,
            poll.missing_after,
            lambda keys: self._on_missing_keys(poll, keys),
            self._failed(poll.table),
        )

    def _on_missing_keys(self, poll: TablePoll, keys: list[bytes]) -> None:
        if not keys:
            self._finish(poll, DONE)
        else:
            self._ask_for(poll, keys)

    def _ask_for(self, poll: TablePoll, keys: list[bytes]) -> None:
        """A view may have been empty for a moment, while what is below it was reloaded: what is gone is gone twice."""
        request = self._request(poll.table.keys, keys)
        done = lambda read: self._on_asked(poll, keys, read)  # noqa: E731 - one use, typed by it
        self._work.read(poll.table, request, poll.number, done, self._failed(poll.table))

    def _on_asked(self, poll: TablePoll, keys: list[bytes], read: RowsRead) -> None:
        self._seen(read.seen_lsn)
        if not read.complete and len(keys) > 1:  # too much for one read
            self._ask_for(poll, keys[: len(keys) // 2])
            return
        if read.gone:
            self._publishing(poll.table)
            self._events.deletes(poll.table.table, read.gone, seen_lsn=read.seen_lsn, now_us=self._now_us())
            poll.deletes += len(read.gone)
        poll.missing_after = keys[-1]
        self._next_missing(poll)

    def _request(self, table: CapturedTable, keys: list[bytes]) -> ChunkRequest:
        query = table.read.keys_query([parse_row_key(key) for key in keys])
        return ChunkRequest(table, query, ChunkBounds(len(keys) + 1, self._terms.chunk_bytes * 4), keys)

    def _hold(self, poll: TablePoll, missing: int) -> None:
        name = str(poll.table.name)
        mark = self._marks.get(name)
        if mark is None or mark.state != HELD:
            logger.error(
                "deletes_held",
                table=name,
                rows=poll.found,
                known=poll.known,
                missing=missing,
                reason="far fewer rows were found than its topic holds: none is removed from the index",
                remedy=FEW_ROWS.format(table=name),
            )
        self._finish(poll, HELD)

    def _finish(self, poll: TablePoll, state: str) -> None:
        name, now = str(poll.table.name), self._clock()
        mark = marked(poll.table, poll.plan, self._marks.get(name), poll.moment, rows=poll.found)
        self._record(replace(mark, state=state))
        self._publishing(poll.table)
        self.troubles.pop(name, None)
        if state == HELD:
            self.troubles[name] = "far fewer rows were found than before: none is removed from the index"
        self._schedule.succeeded(name, now)
        self.counts.over(poll.table.name, state, changes=poll.changes + poll.deletes, at_us=poll.moment.clock_us)
        told = {"rows": poll.found, "changes": poll.changes, "deletes": poll.deletes}
        (logger.info if poll.first else logger.debug)("poll_over", table=name, state=state, **told)
        self._answer(name, poll, state)

    def _answer(self, name: str, poll: TablePoll, state: str) -> None:
        done, waiting = poll.commands, self._asked.pop(name, [])
        ids = {command.id for command in done} if poll.first else set()
        self._begun.pop(name, None)
        if left := [command for command in waiting if command.id not in ids]:
            self._asked[name] = left
            self._schedule.soon(name, self._clock())
        held = "; far fewer than before, so that none was removed" if state == HELD else ""
        for command in done if poll.first else ():
            if not self.asked(command.id):  # a command for several tables is done with the last of them
                self._record_command(command.in_state(State.DONE, f"{poll.rows_read} rows{held}"))

    def _running(self, command: Command) -> Command:
        if command.state is not State.REQUESTED:
            return command
        running = command.in_state(State.RUNNING)
        self._record_command(running)
        return running

    # Single keys

    def _read_keys(self, table: PolledTable, asked: _Keys) -> None:
        some = asked.keys[:_KEYS_AT_ONCE]
        self._work.read(
            table,
            self._request(table.table, some),
            self._work.next_poll(),
            lambda read: self._on_keys(table, read, asked),
            lambda exc: self._refuse(table, exc, asked),
            since=None,
        )

    def _on_keys(self, table: PolledTable, read: RowsRead, asked: _Keys) -> None:
        now_us = self._now_us()
        self._publishing(table)
        self._events.rows(table.table, read.differences, read=True, seen_lsn=read.seen_lsn, now_us=now_us)
        self._events.deletes(table.table, read.gone, seen_lsn=read.seen_lsn, now_us=now_us)
        self._seen(read.seen_lsn)
        found = {each.key for each in read.differences}.union(read.gone)
        left = [key for key in asked.keys if key not in found]  # those behind a cut, and those of the next part
        self._schedule.ended(str(table.name))
        if left:
            self._keys[str(table.name)].appendleft(_Keys(left, asked.commands))
            return
        for command in asked.commands:
            self._record_command(command.in_state(State.DONE))

    def _refuse(self, table: PolledTable, exc: RowferryError, asked: _Keys) -> None:
        """What may pass is asked for again by the next session; what may not is answered."""
        self._schedule.ended(str(table.name))
        if isinstance(exc, TransientError):
            later = self._clock() + _KEYS_PAUSE_S
            self._keys[str(table.name)].appendleft(replace(asked, not_before=later))
            return
        for command in asked.commands:
            self._record_command(command.in_state(State.REFUSED, f"{table.name}: {exc}"))

    def _size(self) -> ChunkSize:
        return ChunkSize(self._terms.chunk_rows, self._terms.chunk_bytes)

    # What is done

    def _publishing(self, table: PolledTable) -> None:
        self._uncommitted.add(str(table.name))

    def _record(self, mark: PollMark) -> None:
        self._marks[mark.table] = mark
        self._sink.record(mark.record_key, mark.to_json())

    def _failed(self, table: PolledTable) -> Failed:
        return lambda exc: self._on_failure(table, exc)

    def _on_failure(self, table: PolledTable, exc: RowferryError) -> None:
        """One table's trouble (rule D8): it is tried again, and told once."""
        name, reason = str(table.name), str(exc)
        pause_s = self._schedule.failed(name, self._clock())
        self.counts.over(table.name, "failed", changes=0, at_us=None)
        if self.troubles.get(name) != reason:
            more = {"remedy": exc.remedy} if exc.remedy else {}
            logger.warning("poll_failed", table=name, reason=reason, again_in_s=round(pause_s, 1), **more)
        self.troubles[name] = reason
        if not isinstance(exc, NoKey):
            self._work.forget(table)
