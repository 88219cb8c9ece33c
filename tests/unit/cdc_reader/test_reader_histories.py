"""
Any history of a reader leaves in its topic what the table holds in the end, compacted or not.

Four rows change, move, are emptied out and read again, in transactions of which some are visible late; workers and
watermarks are late too; Kafka transactions abort or happen unheard, connections break, the process is killed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.control import Kind
from tests.unit.cdc_reader.broker import ABORTS, UNHEARD
from tests.unit.cdc_reader.connections import lost_connection
from tests.unit.cdc_reader.source import Change, Row, Seen, deleted, inserted, truncated, updated
from tests.unit.cdc_reader.world import World

ITEMS = 1
KEYS = "1234"
LARGE = {"l": "a large value that was there before", "L": "a large value that came later on"}
# Statements of a read: what is committed before them is too late for it, or too early to be seen.
MOMENTS = ("BEGIN ISOLATION", "COPY", "ROLLBACK", "insert_lsn", "pg_logical_emit_message")

notes = st.sampled_from(["n", "l", "L", "same"])
change = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(KEYS), notes),
    st.tuples(st.just("put"), st.sampled_from(KEYS), notes),
    st.tuples(st.just("delete"), st.sampled_from(KEYS)),
    st.tuples(st.just("move"), st.sampled_from(KEYS), st.sampled_from(KEYS)),
)
steps = st.one_of(
    st.tuples(st.just("transact"), st.lists(change, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("transact"), st.lists(change, min_size=1, max_size=4), st.just(False)),
    st.tuples(st.just("race"), st.sampled_from(MOMENTS), st.lists(change, max_size=3), st.booleans()),
    st.tuples(st.just("race"), st.sampled_from(MOMENTS), st.lists(change, max_size=3), st.booleans()),
    st.tuples(st.just("truncate")),
    st.tuples(st.just("reveal")),
    st.tuples(st.just("turn"), st.sampled_from([1, 2, 4]), st.sampled_from([0.001, 1.0, 61.0])),
    st.tuples(st.just("turn"), st.sampled_from([1, 2, 4]), st.sampled_from([0.001, 1.0])),
    st.tuples(st.just("workers"), st.sampled_from([0, 1, 2, 100])),
    st.tuples(st.just("batch"), st.sampled_from([1, 2, 3, 2_000])),
    st.tuples(st.just("scan")),
    st.tuples(st.just("read"), st.sampled_from(KEYS)),
    st.tuples(st.just("trouble"), st.sampled_from([ABORTS, UNHEARD, "connection", "kill"])),
)


class _Story:
    """A reader of chunks of two rows and of short Kafka transactions, and what is done to it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.world = World(patch, snapshot={"chunk_rows": 2}, commit={"max_rows": 3})
        self.world.source.create("items", ITEMS)
        self.locked: set[str] = set()
        self.versions = 0
        self.world.source.transact(*(inserted(ITEMS, key, "a", LARGE["l"]) for key in "123"))
        self.world.start()

    def transact(self, changes: list[tuple[str, ...]], hidden: bool) -> None:
        source = self.world.source
        if self.locked & {key for each in changes for key in each[1:]}:
            self.reveal()  # who wants a row of an open transaction waits for its end
        rows = {str(key): row for key, row in source.rows(ITEMS, Seen(len(source.done), frozenset(), 0)).items()}
        made = [made for each in changes for made in self._made(rows, *each)]
        source.transact(*made, hidden=hidden)
        self.locked |= {key for each in changes for key in each[1:]} if hidden else set()

    def _made(self, rows: dict[str, Row], kind: str, key: str, more: str = "") -> Iterator[Change]:
        old = rows.get(key)
        self.versions += 1
        if kind == "put":
            note = (old[2] if old else None) if more == "same" else LARGE.get(more, more)
            rows[key] = (key, f"v{self.versions}", note)
            yield inserted(ITEMS, *rows[key]) if old is None else updated(ITEMS, old, rows[key])
        elif old is not None and kind == "delete":
            yield deleted(ITEMS, *rows.pop(key))
        elif old is not None and more not in rows:
            rows[more] = (more, *rows.pop(key)[1:])
            yield updated(ITEMS, old, rows[more])

    def race(self, moment: str, changes: list[tuple[str, ...]], hidden: bool) -> None:
        """Scan, and commit this (nothing: a truncate) while a chunk or a row is read."""
        self.scan()
        self.world.source.before(moment, lambda: self.transact(changes, hidden) if changes else self.truncate())

    def truncate(self) -> None:
        self.reveal()
        self.world.source.transact(truncated(ITEMS))

    def reveal(self) -> None:
        self.world.source.reveal()
        self.locked.clear()

    def turn(self, times: int, seconds: float) -> None:
        self.world.turn(times, seconds)

    def workers(self, tasks: int) -> None:
        self.world.side.waits = tasks < 100
        self.world.side.run(tasks)

    def batch(self, most: int) -> None:
        self.world.stream.most = most

    def scan(self) -> None:
        self.world.ask(Kind.SNAPSHOT, force=True)

    def read(self, key: str) -> None:
        self.world.ask(Kind.REREAD, keys=(key,))

    def trouble(self, kind: str) -> None:
        if kind == "kill":
            self.world.kill()
            self.world.start()
        elif kind == "connection":
            self.world.stream.error = lost_connection()
        else:
            self.world.broker.fates = [kind]

    def end(self) -> None:
        """Let everything come to its end."""
        self.world.broker.fates = []
        for seconds in (0.001, 1.0, 61.0, 130.0, 1.0, 1.0):
            self.reveal()
            self.world.side.waits, self.world.stream.most = False, 2_000
            self.world.turn(8, seconds)
        assert [len(side.tasks) for side in self.world.sides[-1:]] == [0]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=5, max_size=20))
def test_topic_holds_what_the_table_holds_whatever_happens(history: list[tuple[object, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        story = _Story(patch)
        try:
            for name, *arguments in history:
                getattr(story, str(name))(*arguments)
            story.end()
            world = story.world
            held = {str(key): (key, *row[1:]) for key, row in world.source.rows(ITEMS).items()}
            assert world.holds() == held
            assert world.holds(compacted=True) == held
        finally:
            story.world.kill()
