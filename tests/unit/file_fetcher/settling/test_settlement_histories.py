"""
Any history of a row, with crashes anywhere, leaves each reference with one final state.

A world of topics (lists of committed records) around `settle` and the real local store: events, retries, floors,
transactions that did not happen or of which nobody heard, a store or retries that are lost, and compaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc_runtime.consuming.records import Record
from file_fetcher.references.changes import Ended, Waits, change_of
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.placements import Placements
from file_fetcher.references.retries import Retry
from file_fetcher.settling.reference_diff import compare
from file_fetcher.settling.settlement import Settlement, settle, settle_floor, waiting_file
from file_fetcher.work import Again, Fetch, Outcome, Row, Work
from schemas.file_references import FileReference
from schemas.file_results import FileResult, FileRow, Status
from schemas.file_state import State
from tests.unit.file_fetcher.rows import OWN_TOPICS, TOPICS, failed, got, reference, row, skipped, work

COLUMNS = ("image_s3_key", "plan_s3_key", "url")
LOCATIONS = ("a.csv", "b.csv", "https://h/a.csv?X-Amz-Signature=01", "https://h/a.csv?X-Amz-Signature=02")
NOW_MS = 1_000
FAR_MS = 10**12
PARTITIONS = [("public.photos", 4)]
FILES, ROWS, REFS = TOPICS.files, TOPICS.file_rows, TOPICS.file_refs
RETRIES = TOPICS.retry(OWN_TOPICS.group)
# What happens to a transaction.
HAPPENS, ABORTS, UNHEARD = "happens", "aborts", "unheard"

rows_of_sheets = st.lists(st.integers(1, 6), max_size=3, unique=True).map(
    lambda numbers: tuple(("S", number, number) for number in sorted(numbers))
)
outcomes = st.one_of(
    rows_of_sheets.map(got),
    st.just(skipped()),
    st.just(failed()),
    st.integers(0, 3).map(lambda attempt: Again(attempt, NOW_MS, "network")),
)
fates = st.lists(st.sampled_from([ABORTS, UNHEARD]), max_size=2).map(lambda several: (*several, HAPPENS))
events = st.tuples(
    st.just("event"),
    st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(LOCATIONS)),
    st.frozensets(st.sampled_from(COLUMNS), max_size=1),
    st.lists(outcomes, min_size=3, max_size=3),
    fates,
)
retries = st.tuples(st.just("retry"), outcomes, fates)
floors = st.tuples(st.just("floor"), fates)
losses = st.tuples(st.sampled_from(["lose_store", "lose_retries", "compact"]))
histories = st.lists(st.one_of(events, events, retries, retries, floors, losses), min_size=1, max_size=12)


@dataclass
class World:
    """Topics, the store, and what the row says."""

    store: ReferenceStore
    version: int = 10
    log: list[Record] = field(default_factory=list)
    holds: dict[str, FileReference] = field(default_factory=dict)
    seen: dict[int, Row] = field(default_factory=dict)

    def commit(self, make: Callable[[], Settlement], several: tuple[str, ...]) -> None:
        """Settle until a transaction has happened and was heard of; in between, read what is remembered."""
        for fate in several:
            settlement = make()
            writes = list(settlement.all_writes())
            if fate != ABORTS:
                self.log += [
                    Record(w.topic, w.partition, len(self.log) + n, w.key, w.value, 0, w.headers)
                    for n, w in enumerate(writes)
                ]
            if fate == HAPPENS:
                self.store.apply(settlement.changes)
            else:
                self.read()

    def read(self) -> None:
        """What `bring_up_to_date` does: the references, then the retries."""
        self.store.apply([change_of(each, Placements(3)) for each in self.of(REFS)])
        self.store.apply([Waits(Retry.from_record(each, TOPICS)) for each in self.of(RETRIES)])

    def of(self, topic: str) -> list[Record]:
        return [each for each in self.log if each.topic == topic]

    def event(
        self, locations: dict[str, str], unknown: frozenset[str], tries: list[Outcome], fate: tuple[str, ...]
    ) -> None:
        self.version += 1
        found = [reference(text, column) for column, text in locations.items() if column not in unknown]
        of = row(self.version, *found, unknown=unknown)
        self.seen[self.version] = of
        self.holds = {each.column: each for each in found} | {c: r for c, r in self.holds.items() if c in unknown}
        new = self.started(work(of))
        new.outcomes = dict(zip(new.fetches, tries, strict=False))
        self.commit(partial(self.settled, new), fate)

    def settled(self, new: Work) -> Settlement:
        return settle(new, self.store.get("photos/7"), OWN_TOPICS, NOW_MS)

    def started(self, new: Work) -> Work:
        """What the fetcher does when it starts a work."""
        held = self.store.get("photos/7")
        new.started = True
        if new.retry is not None:
            if waiting_file(held, new.retry) is not None:
                wanted = next(each for each in new.row.references if each.file_id == new.retry.file_id)
                new.fetches[wanted.file_id] = Fetch(wanted, new.retry.attempt, NOW_MS)
        else:
            for each, _ in compare(held, new.row, self.store.lost("photos/7")).fetch:
                new.fetches[each.file_id] = Fetch(each, 0, NOW_MS)
        return new

    def retry(self, outcome: Outcome, fate: tuple[str, ...]) -> bool:
        due = self.store.due(FAR_MS, PARTITIONS, 1)
        for retry in due:
            new = self.started(work(self.seen[retry.row_version], retry))
            more = isinstance(outcome, Again)
            new.outcomes = dict.fromkeys(new.fetches, Again(retry.attempt + 1, NOW_MS, "network") if more else outcome)
            self.commit(partial(self.settled, new), fate)
        return bool(due)

    def floor(self, fate: tuple[str, ...]) -> None:
        self.version += 1
        self.holds = {}
        for attempt in fate:
            for held in self.store.below("public.photos", 4, self.version, 10):
                self.commit(partial(settle_floor, held, self.version, OWN_TOPICS, NOW_MS), (attempt,))

    def forget(self) -> None:
        self.store.apply([Ended("photos/7", 10**9)])

    def lose_store(self) -> None:
        self.forget()
        self.read()

    def lose_retries(self) -> None:
        self.log = [each for each in self.log if each.topic != RETRIES]
        self.lose_store()

    def compact(self) -> None:
        """The last record of each key stays, retries all."""
        last = {(each.topic, each.key): each.offset for each in self.log if each.topic != RETRIES}
        self.log = [e for e in self.log if e.topic == RETRIES or last[e.topic, e.key] == e.offset]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceStore]:
    made = ReferenceStore(tmp_path_factory.mktemp("references"))
    yield made
    made.close()


def _play(world: World, history: list[tuple[object, ...]]) -> None:
    world.forget()
    for step, *details in history:
        getattr(world, str(step))(*details)
        _check_always(world)
    if world.store.lost("photos/7"):
        world.event({each.column: each.location for each in world.holds.values()}, frozenset(), [got()] * 3, (HAPPENS,))
    while world.retry(got([("S", 1, 2)]), (HAPPENS,)):
        _check_always(world)
    _check_end(world)


def _check_always(world: World) -> None:
    for topic in (FILES, ROWS):
        newest: dict[bytes | None, int] = {}
        for each in world.of(topic):
            value = each.value or b""
            version = (FileResult if topic == FILES else FileRow).from_json(value).version
            assert version > newest.get(each.key, 0), "versions rise, and nothing is written twice"
            newest[each.key] = version


def _check_end(world: World) -> None:
    results = {each.key: FileResult.from_json(each.value or b"") for each in world.of(FILES)}
    alive = {each.key: FileRow.from_json(each.value or b"") for each in world.of(ROWS)}
    held = world.store.get("photos/7")
    files = {file.file_id: file for file in held.files} if held else {}
    wanted = {each.file_id: each for each in world.holds.values()}
    assert files.keys() == wanted.keys()
    for file_id, file in files.items():
        result = results[file_id.encode()]
        assert file.key == wanted[file_id].key == result.key
        assert file.state is not State.RETRYING
        assert result.status.value == file.state.value
    for key, result in results.items():
        if (key or b"").decode() not in wanted:
            assert result.status is Status.GONE
    found = {(each.file_id, each.row_number) for each in alive.values() if not each.gone}
    assert found == {
        (f.file_id, n) for f in files.values() for _, first, last in f.rows for n in range(first, last + 1)
    }


@pytest.mark.rule("F1")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_f1_every_history_leaves_each_reference_with_one_final_state(
    store: ReferenceStore, history: list[tuple[object, ...]]
) -> None:
    _play(World(store), history)
