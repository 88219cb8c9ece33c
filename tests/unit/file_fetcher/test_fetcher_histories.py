"""
Any history of a member, with rebalances and transactions that fail anywhere, leaves what the rows say in the end.

Two rows of a partition change, are deleted and truncated; downloads end late or never; partitions are revoked, lost and
come back at the committed offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc_runtime.consuming.records import Record
from file_fetcher.references.changes import Ended
from file_fetcher.references.local import ReferenceStore
from file_fetcher.work import Again, Fetch, Outcome
from schemas.file_results import FileResult, Status
from schemas.file_state import State
from tests.unit.file_fetcher.brokers import ABORTS, UNHEARD
from tests.unit.file_fetcher.members import MEMBER, Clock, World, stop_clocks
from tests.unit.file_fetcher.rows import PARTITION, failed, got, skipped

NAMES = ("photos/7", "photos/8")
LATER = "later.pdf"
FATES: dict[str, Outcome] = {
    "a.pdf": got(),
    "b.csv": got([("S", 1, 3)]),
    "skipped.dwg": skipped(),
    "missing.pdf": failed(),
}

locations = st.sampled_from(["", *FATES, LATER])
steps = st.one_of(
    st.tuples(st.just("event"), st.sampled_from(NAMES), locations, locations),
    st.tuples(st.just("event"), st.sampled_from(NAMES), locations, locations),
    st.tuples(st.just("floor")),
    st.tuples(st.just("download")),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 2.0, 40.0])),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 2.0, 40.0])),
    st.tuples(st.just("trouble"), st.sampled_from([ABORTS, UNHEARD])),
    st.tuples(st.just("rebalance"), st.booleans()),
)


@dataclass
class _Story:
    """A member, the partition's log, and what each row says."""

    world: World

    def __post_init__(self) -> None:
        self.log: list[Record] = []
        self.says: dict[str, dict[str, str]] = {}
        self.world.fetching.outcome = self._outcome  # type: ignore[method-assign]
        self.world.own()

    def _outcome(self, fetch: Fetch) -> Outcome:
        if fetch.reference.location == LATER and fetch.attempt < 2:
            return Again(fetch.attempt + 1, int(self.world.clock.now * 1000) + 1_000, "not_found", "s3:photos")
        return FATES.get(fetch.reference.location, got())

    def _read(self, record: Record) -> None:
        self.log.append(record)
        self.world.take(record)

    def event(self, name: str, image: str, url: str) -> None:
        columns = {"image_s3_key": image, "url": url}
        self.says[name] = {f"{name}/{column}": each for column, each in columns.items() if each}
        self._read(self.world.event(image, url, name=name))

    def floor(self) -> None:
        self.says.clear()
        self._read(self.world.floor())

    def download(self) -> None:
        if self.world.downloads.tasks:
            self.world.downloads.tasks.popleft()(lambda problem: None)

    def wait(self, seconds: float) -> None:
        self.world.step(seconds)

    def trouble(self, fate: str) -> None:
        self.world.broker.fates.append(fate)

    def rebalance(self, revoked: bool) -> None:
        """The partition goes, and comes back to a process with an empty disk."""
        world = self.world
        if revoked:
            world.fetcher.revoke([PARTITION], MEMBER)
        else:
            world.fetcher.drop([PARTITION], "lost")
        world.store.apply([Ended(name, 10**9) for name in NAMES])
        world.catch_up([])
        world.own()
        next_offset = world.broker.committed.get(PARTITION, 5)
        world.take(*(record for record in self.log if record.offset >= next_offset))

    def finish(self) -> None:
        self.world.broker.fates.clear()
        for _ in range(200):
            self.world.downloads.run()
            self.world.step(40.0)
            if self._settled():
                return

    def _settled(self) -> bool:
        waiting, _ = self.world.store.waiting([("public.photos", 4)])
        return (
            self.world.fetcher.idle
            and not waiting
            and self.world.broker.committed.get(PARTITION, 5) == 5 + len(self.log)
        )

    def check(self) -> None:
        world = self.world
        assert world.fetcher.idle
        assert world.broker.committed.get(PARTITION, 5) == 5 + len(self.log)
        wanted = {file_id: text for files in self.says.values() for file_id, text in files.items()}
        held = [record for name in NAMES if (record := world.store.get(name)) is not None]
        files = {file.file_id: file for record in held for file in record.files}
        assert {file_id: file.key for file_id, file in files.items()} == wanted
        results: dict[str, FileResult] = {}
        for result in world.broker.files():
            before = results.get(result.file_id)
            # A floor may say it twice: nothing else is written again.
            assert before is None or (result.version, result.status is Status.GONE) > (before.version, False)
            results[result.file_id] = result
        for file_id, file in files.items():
            assert file.state is not State.RETRYING
            assert (results[file_id].key, results[file_id].status.value) == (file.key, file.state.value)
        assert all(result.status is Status.GONE for file_id, result in results.items() if file_id not in wanted)


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    made = Clock()
    with pytest.MonkeyPatch.context() as patch:
        stop_clocks(patch, made)
        yield made


@pytest.fixture(scope="module")
def store() -> Iterator[ReferenceStore]:
    with TemporaryDirectory() as folder:
        made = ReferenceStore(Path(folder))
        yield made
        made.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=3, max_size=25))
def test_every_history_ends_with_what_the_rows_say(
    clock: Clock, store: ReferenceStore, history: list[tuple[object, ...]]
) -> None:
    store.apply([Ended(name, 10**9) for name in NAMES])
    story = _Story(World(store, clock))
    for step, *details in history:
        getattr(story, str(step))(*details)
    story.finish()
    story.check()
