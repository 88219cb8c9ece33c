"""
A world for the poller: a table, a topic, and workers whose tasks are run one by one, when a test says so.

The list of what the topic holds is the real one. A statement is answered by what it asks for: the key behind which it
begins, the transactions since which rows were written, keys alone or whole rows.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdc_reader.polling.events import PollEvents
from cdc_reader.polling.known_rows import KnownRows
from cdc_reader.polling.plans import Moment, PollTerms
from cdc_reader.polling.poller import Companions, Poller, PollerTerms
from cdc_reader.polling.reads import Difference, RowsRead
from cdc_reader.polling.schedule import Schedule
from cdc_reader.polling.work import Failed, Prepared
from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.floors import Floors
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.tables.polled import PolledTable
from cdc_runtime.consuming.records import Record
from schemas.control import Command
from schemas.errors import RowferryError
from schemas.keys import FLOOR_KEY
from schemas.offsets import FLOORS_KEY, floors_from_json
from schemas.poll_marks import POLL_PREFIX, PollMark
from schemas.row_digests import row_digest
from schemas.tombstones import peek_version
from schemas.wire import EventDecoder
from tests.unit.cdc_reader.polling.polled import polled

_BEHIND = re.compile(r"OPERATOR\(pg_catalog\.>\) \('(\d+)'::bigint\)")
_SINCE = re.compile(r"OPERATOR\(pg_catalog\.-\) (\d+)\)")
VALUE = 8


@dataclass
class Sink:
    """The open Kafka transaction: nothing of it counts before it is committed."""

    open: list[tuple[bytes, bytes | None, tuple[Any, ...], int | None]] = field(default_factory=list)
    offsets: dict[bytes, bytes | None] = field(default_factory=dict)
    rows: int = 0
    size: int = 0

    def add(self, topic: str, key: bytes, value: bytes | None, ts_ms: int) -> None:
        self.open.append((key, value, (), None))

    def add_to(self, topic: str, key: bytes, value: bytes | None, ts_ms: int, *, partition: Any, headers: Any) -> None:
        self.open.append((key, value, tuple(headers), partition))

    def record(self, key: bytes, value: bytes | None) -> None:
        self.offsets[key] = value


@dataclass
class Work:
    """`PollWork`, whose tasks wait in `tasks` until they are run."""

    world: World
    tasks: deque[tuple[str, Callable[[], Any], Callable[[Any], None], Failed]] = field(default_factory=deque)
    topics: dict[str, str] = field(default_factory=dict)

    def next_poll(self) -> int:
        self.world.polls += 1
        return self.world.polls

    def prepare(self, table: PolledTable, below: int, done: Callable[[Prepared], None], failed: Failed) -> None:
        self.tasks.append(("prepare", lambda: self.world.prepared(below), done, failed))

    def read(
        self,
        table: PolledTable,
        request: ChunkRequest,
        poll: int,
        done: Callable[[RowsRead], None],
        failed: Failed,
        *,
        since: int | None = 0,
        checks_key: bool = False,
    ) -> None:
        def task() -> RowsRead:
            return self.world.read(table, request, poll, since=since)

        asked = "single" if since is None else "asked"
        kind = asked if request.keys is not None else "keys" if request.table is table.keys else "rows"
        self.tasks.append((kind, task, done, failed))

    def count_missing(self, table: PolledTable, poll: int, done: Callable[[int], None], failed: Failed) -> None:
        self.tasks.append(("count", lambda: self.world.known.missing(poll), done, failed))

    def missing(
        self, table: PolledTable, poll: int, after: bytes | None, done: Callable[[Any], None], failed: Failed
    ) -> None:
        self.tasks.append(("missing", lambda: self.world.known.missing_keys(poll, after, 2), done, failed))

    def forget(self, table: PolledTable) -> None:
        self.world.forget()


class World:
    """One table `v`, polled by one poller after another; `kill` begins the next."""

    def __init__(self, folder: Path, *, topic_id: str = "topic-1", **table: Any) -> None:
        self._folder = folder
        self.table = polled(**table)
        self.rows: dict[int, tuple[bytes, int]] = {}  # key -> value, the transaction that wrote it
        self.xid = 100
        self.now = 1_000.0
        self.polls = 0
        self.topic: list[Record] = []
        self.offsets: dict[bytes, bytes] = {}
        self.commands: dict[str, Command] = {}
        self.incarnation, self.topic_id = "life-1", topic_id
        self.version = 0
        self._lists = 0
        self.broken: RowferryError | None = None
        self._decoder = EventDecoder(lambda _: self.table.table.plan.avro_schema)
        self.forget()
        self.begin()

    def forget(self) -> None:
        self._lists += 1
        self._taken = 0
        self.known = KnownRows(self._folder / f"{self._lists}.sqlite")

    def begin(self) -> None:
        """A session begins with what is committed."""
        self.sink = Sink()
        self.work = Work(self, topics={self.table.table.topic: self.topic_id})
        self.versions = Versions(self.version)
        self.asked: dict[str, Command] = {}
        marks = [PollMark.from_json(value) for key, value in self.offsets.items() if key.startswith(POLL_PREFIX)]
        name = str(self.table.name)
        work: Any = self.work
        self.poller = Poller(
            [self.table],
            {mark.table: mark for mark in marks},
            PollerTerms(self.incarnation, PollTerms(86_400, 60), 3, 1_000_000),
            work=work,
            events=PollEvents(self.sink, Floors(self._floors(), self.sink, self.versions), self.versions),
            sink=self.sink,
            schedule=Schedule({name: 100.0}, {}, parallel=1, random=lambda: 0.5, now=self.now),
            companions=Companions(self._told, lambda _: None, lambda: self.now, lambda: int(self.now * 1e6)),
        )

    def _floors(self) -> dict[str, int]:
        stored = self.offsets.get(FLOORS_KEY)
        return floors_from_json(stored) if stored is not None else {}

    def kill(self) -> None:
        """Nothing but what is committed outlives it, and the lists, where it is a session alone that ended."""
        self.begin()

    def _told(self, command: Command) -> None:
        self.asked[command.id] = command

    # The source

    def write(self, key: int, value: bytes | None) -> None:
        self.xid += 1
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = (value, self.xid)

    def prepared(self, below: int) -> Prepared:
        self.known.take(self.topic[self._taken :], {0: len(self.topic)})
        self._taken = len(self.topic)
        self.known.forget_below(below)
        moment = Moment("s1", 1, "started", self.xid + 1, self.xid + 1, int(self.now * 1e6))
        return Prepared(moment, self.known.count())

    def read(self, table: PolledTable, request: ChunkRequest, poll: int, *, since: int | None) -> RowsRead:
        if self.broken is not None:
            raise self.broken
        written = _SINCE.search(request.query)
        behind = _BEHIND.search(request.query)
        found = sorted(key for key in self.rows if behind is None or key > int(behind[1]))
        if request.keys is not None:
            found = [key for key in found if b"%d" % key in request.keys]
        if written is not None:
            found = [key for key in found if self.rows[key][1] >= int(written[1])]
        part = found[: request.bounds.max_rows]
        complete = len(part) < request.bounds.max_rows
        last = (str(part[-1]),) if part else None
        differences: list[Difference] = []
        if request.table is table.keys:
            self.known.seen([b"%d" % key for key in part], poll)
        else:
            fingerprint = table.table.plan.fingerprint
            pairs = [(b"%d" % key, row_digest(fingerprint, self.rows[key][0])) for key in part]
            compared = [True] * len(pairs) if since is None else self.known.compare(pairs, poll, since=since)
            differences = [
                Difference(pair[0], self.rows[key][0], (), pair[1], known=differs is not None)
                for key, pair, differs in zip(part, pairs, compared, strict=True)
                if differs is not False
            ]
        gone = [key for key in request.keys or () if key not in {b"%d" % each for each in part}]
        return RowsRead(differences, len(part), 10 * len(part), last, complete, self.xid, gone)

    # What is done

    def step(self) -> str | None:
        """Run one task, and tell which; None when none waits."""
        self.poller.poll()
        if not self.work.tasks:
            return None
        kind, task, done, failed = self.work.tasks.popleft()
        try:
            result = task()
        except RowferryError as exc:
            failed(exc)
        else:
            done(result)
        return kind

    def steps(self) -> list[str]:
        """Run tasks until none waits."""
        return list(iter(self.step, None))

    def commit(self) -> None:
        """The Kafka transaction is committed."""
        self.poller.committing()
        for key, value, headers, _ in self.sink.open:
            self.topic.append(Record("t", 0, len(self.topic), key, value, 0, headers))
        self.sink.open.clear()
        self.offsets |= {key: value for key, value in self.sink.offsets.items() if value is not None}
        self.sink.offsets.clear()
        self.version = self.versions.last
        self.commands |= self.asked
        self.asked.clear()

    def poll(self) -> list[str]:
        """One poll from beginning to end, and its commit; the steps of it."""
        self.now += 200
        steps = self.steps()
        self.commit()
        return steps

    def ask(self, command: Command) -> None:
        if command.keys:
            keys = [key.encode() for key in command.keys]
            self.poller.read_keys(self.table.name, keys, commands=[command])
        else:
            self.poller.read_table(self.table.name, "asked for", commands=[command])

    def published(self) -> dict[int, bytes]:
        """The table as its topic tells it, to a consumer that has read all of it."""
        rows: dict[bytes, tuple[int, bytes]] = {}
        for record in self.topic:
            assert record.key is not None
            if record.value is None:
                rows.pop(record.key, None)
                continue
            version = peek_version(record.value)
            assert version > rows.get(record.key, (0, b""))[0], "a version ran back"
            if record.key == FLOOR_KEY:
                below = self._decoder.decode(record.value).below_version
                assert below is not None
                rows = {key: known for key, known in rows.items() if known[0] >= below}
            elif op_of(record) == "d":
                rows.pop(record.key, None)
            else:
                rows[record.key] = (version, record.value[-VALUE:])
        return {int(key): value for key, (_, value) in rows.items()}

    @property
    def database(self) -> dict[int, bytes]:
        """The table as it is."""
        return {key: value for key, (value, _) in self.rows.items()}

    @property
    def mark(self) -> PollMark:
        return PollMark.from_json(self.offsets[POLL_PREFIX + str(self.table.name).encode()])


def op_of(record: Record) -> str:
    """The operation of a record; `-` of a tombstone."""
    return "-" if record.value is None else record.value[11:12].decode()


def value(text: object) -> bytes:
    """The Avro bytes of a row, of which only the length matters here."""
    return str(text).encode().rjust(VALUE, b".")
