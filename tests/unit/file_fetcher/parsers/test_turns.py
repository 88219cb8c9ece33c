"""Kinds of files take turns at the workers (rule V14)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from file_fetcher.failures import Cancelled
from file_fetcher.parsers.turns import Turns
from tests.waiting import eventually

pytestmark = pytest.mark.rule("V14")
DEADLINE_S = 60.0


class _Files:
    """Files that are read until they are let go."""

    def __init__(self, workers: int) -> None:
        self.turns = Turns(workers)
        self.here: list[str] = []
        self.cancelled: list[str] = []
        self._doors: dict[str, threading.Event] = {}
        self._well: dict[str, bool] = {}
        self._threads: list[threading.Thread] = []

    def read(self, *names: str) -> None:
        """Have files read, whose kind is their first word; the turn of each is waited for from now on."""
        for name in names:
            self._doors[name] = threading.Event()
            thread = threading.Thread(target=self._read, args=(name,), daemon=True)
            self._threads.append(thread)
            thread.start()
            eventually(lambda name=name: name in self.here or self._waits(name), DEADLINE_S, "it to wait")  # type: ignore[misc]

    def _waits(self, name: str) -> bool:
        kind = name.split()[0]
        waiting = sum(self.turns._waiting.values())
        return kind in self.turns._waiting and waiting + len(self.here) == len(self._doors)

    def _read(self, name: str) -> None:
        try:
            with self.turns.turn(name.split()[0]) as ended:
                self.here.append(name)
                assert self._doors[name].wait(3 * DEADLINE_S)  # longer than the test waits: it is the one that fails
                ended(self._well[name])
                self.here.remove(name)
                del self._doors[name]
        except Cancelled:
            self.cancelled.append(name)

    def end(self, name: str, *, well: bool) -> None:
        self._well[name] = well
        self._doors[name].set()
        eventually(lambda: name not in self.here, DEADLINE_S, f"{name} to end")

    def close(self) -> None:
        self.turns.close()
        for name, door in list(self._doors.items()):
            self._well.setdefault(name, True)
            door.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)


@pytest.fixture(params=[1, 2, 4])
def files(request: pytest.FixtureRequest) -> Iterator[_Files]:
    made = _Files(request.param)
    yield made
    made.close()


def test_v14_kind_that_always_times_out_stops_no_other(files: _Files) -> None:
    # Taken out: whoever waited longest is next.
    workers = files.turns._workers
    files.read(*(f"stuck {number}" for number in range(3 * workers)))
    eventually(lambda: len(files.here) == workers, DEADLINE_S, "all workers to be taken")
    files.read("good 1", "good 2")
    files.end(files.here[0], well=False)
    eventually(lambda: len(files.here) == workers, DEADLINE_S, "the next turn")
    if workers == 1 and "stuck" in files.here[0]:
        files.end(files.here[0], well=False)
    eventually(lambda: "good" in " ".join(files.here), DEADLINE_S, "the other kind's turn")


def test_v14_kind_that_ended_badly_has_half_of_the_workers_though_nobody_waits(files: _Files) -> None:
    files.read("stuck 1")
    files.end("stuck 1", well=False)
    files.read(*(f"stuck {number}" for number in range(2, 10)))
    half = max(1, files.turns._workers // 2)
    eventually(lambda: len(files.here) == half, DEADLINE_S, "half of the workers to be taken")
    if files.turns._workers > 1:
        files.read("good 1")
        eventually(lambda: "good 1" in files.here, DEADLINE_S, "the other kind's turn")


def test_whoever_waits_is_cancelled_by_the_end(files: _Files) -> None:
    names = [f"kind {number}" for number in range(files.turns._workers + 3)]
    files.read(*names)
    files.close()
    assert len(files.cancelled) == 3
