from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from cdc_runtime.metrics import Metrics
from cdc_runtime.throttle import Throttle
from file_fetcher.failures import FetchProblem, Later, Skipped, Throttled
from file_fetcher.fetching.threads import Downloads, Over
from file_fetcher.metrics import FetcherMetrics
from tests.waiting import eventually

DEADLINE_S = 60.0


class _Crowd:
    """Downloads whose tasks wait until they are let go; `here` are those under way."""

    def __init__(self, start: int, most: int, threads: int, reading: int | None = None) -> None:
        self.throttle = Throttle(start=start, minimum=1, maximum=most, uniform=lambda: 0.5)
        metrics = FetcherMetrics(Metrics("file-fetcher", "1"), "group")
        self.downloads = Downloads(self.throttle, threads, metrics, reading=reading)
        self.here: list[str] = []
        self.all_here: list[str] = []
        self._doors: dict[str, threading.Event] = {}
        self._problems: dict[str, FetchProblem | None] = {}

    @property
    def made(self) -> int:
        return len(self.downloads._threads)

    def submit(self, *names: str, reads: bool = False, place: str = "") -> None:
        for name in names:
            self._doors[name] = threading.Event()
            self.downloads.submit(partial(self._task, name=name, reads=reads), place)

    def _task(self, over: Over, name: str, *, reads: bool) -> None:
        self.here.append(name)
        self.all_here.append(name)
        if reads:
            over(None)
        assert self._doors[name].wait(DEADLINE_S)
        if not reads and name in self._problems:
            over(self._problems[name])
        self.here.remove(name)

    def let_go(self, *names: str, problem: FetchProblem | None = None) -> None:
        for name in names:
            self._problems[name] = problem
            self._doors[name].set()

    def wait_for(self, count: int) -> None:
        eventually(lambda: len(self.here) == count, DEADLINE_S, f"{count} tasks under way")

    def close(self) -> None:
        for door in self._doors.values():
            door.set()
        self.downloads.close(DEADLINE_S)


@pytest.fixture
def crowd() -> Iterator[_Crowd]:
    made = _Crowd(start=2, most=8, threads=6)
    yield made
    made.close()


def test_no_more_downloads_than_the_limit_are_under_way(crowd: _Crowd) -> None:
    crowd.submit("a", "b", "c")
    crowd.wait_for(2)
    assert (crowd.all_here, crowd.downloads.queued) == (["a", "b"], 1)
    crowd.let_go("a")
    eventually(lambda: crowd.here == ["b", "c"], DEADLINE_S, "the next to begin")


@pytest.mark.rule("V14")
def test_v14_host_that_hangs_stops_no_other(crowd: _Crowd) -> None:
    # Taken out: tasks begin in the order in which they come.
    crowd.submit(*(f"hangs {number}" for number in range(10)), place="https://hangs")
    crowd.wait_for(2)
    for number in range(5):
        crowd.submit(f"good {number}", place="https://good")
        eventually(lambda: len(crowd.here) == 3, DEADLINE_S, "the other host's to begin")
        assert crowd.here[-1] == f"good {number}"
        crowd.let_go(f"good {number}", problem=Skipped("empty", "the object has no bytes"))
        eventually(lambda: len(crowd.here) == 2, DEADLINE_S, "it to end")
    assert crowd.downloads.queued == 8


@pytest.mark.rule("V14")
def test_v14_type_whose_files_wait_for_a_parser_stops_no_other() -> None:
    # Taken out: whoever has downloaded lets the next begin.
    crowd = _Crowd(start=2, most=8, threads=6, reading=2)
    try:
        slow = [f"slow {number}" for number in range(20)]
        crowd.submit(*slow, reads=True, place="s3:photos.pdf")
        # A third may have begun while the first read and the second had not downloaded yet.
        eventually(lambda: len(crowd.here) >= 2, DEADLINE_S, "2 tasks under way")
        crowd.submit("good", place="s3:photos.csv")
        eventually(lambda: "good" in crowd.here, DEADLINE_S, "another type's to begin")
        assert len(crowd.here) <= 4
        crowd.let_go(*slow, "good")
        eventually(lambda: not crowd.here and not crowd.downloads.queued, DEADLINE_S, "all to end")
    finally:
        crowd.close()


def test_no_thread_is_made_that_the_throttle_would_hold_back(crowd: _Crowd) -> None:
    """Red where a thread is made for whatever waits: each keeps its memory for ever."""
    names = [str(number) for number in range(50)]
    crowd.submit(*names)
    crowd.wait_for(2)
    assert (crowd.made, crowd.downloads.queued) == (2, 48)
    for name in names[:20]:
        crowd.let_go(name, problem=Skipped("too_large", "101 bytes"))
    eventually(lambda: len(crowd.all_here) == 22, DEADLINE_S, "the next to begin")
    assert crowd.made == 2


def test_task_that_still_reads_its_file_lets_another_download(crowd: _Crowd) -> None:
    crowd.submit("a", "b", "c", "d", reads=True)
    crowd.wait_for(4)


def test_threads_bound_how_many_files_are_read_at_once(crowd: _Crowd) -> None:
    names = [str(number) for number in range(9)]
    crowd.submit(*names, reads=True)
    crowd.wait_for(6)
    assert crowd.downloads.queued == 3
    crowd.let_go(*names[:6])
    crowd.wait_for(3)


def test_burst_after_a_quiet_time_finds_all_the_threads_that_it_needs() -> None:
    """One idle thread must not hold off the making of others while many tasks wait."""
    crowd = _Crowd(start=8, most=8, threads=8)
    try:
        crowd.submit("first")
        crowd.wait_for(1)
        crowd.let_go("first")
        crowd.wait_for(0)
        crowd.submit(*(str(number) for number in range(8)))
        crowd.wait_for(8)
    finally:
        crowd.close()


def test_downloads_that_succeed_are_measured_and_raise_the_limit(crowd: _Crowd) -> None:
    names = [str(number) for number in range(200)]
    for name in names:
        crowd.submit(name)
        crowd.let_go(name, problem=None)
    eventually(lambda: len(crowd.all_here) == len(names) and not crowd.here, DEADLINE_S, "the end")
    assert crowd.throttle.limit > 2


LESS = {
    "throttled": (Throttled("throttled", "slow down"), 4),
    "no answer": (Later("network", "timed out"), 4),
    "not found": (Later("not_found", "no such key"), 8),
    "skipped": (Skipped("too_large", "101 bytes"), 8),
}


@pytest.mark.parametrize(("problem", "limit"), LESS.values(), ids=LESS)
def test_place_that_is_overloaded_lowers_the_limit_and_a_bad_file_does_not(problem: FetchProblem, limit: int) -> None:
    crowd = _Crowd(start=8, most=8, threads=8)
    try:
        crowd.submit("a")
        crowd.wait_for(1)
        crowd.let_go("a", problem=problem)
        crowd.submit("b")
        eventually(lambda: crowd.here == ["b"], DEADLINE_S, "the first to be over")
        assert crowd.throttle.limit == limit
    finally:
        crowd.close()


def test_task_without_a_download_says_nothing_of_any_place() -> None:
    crowd = _Crowd(start=1, most=8, threads=4)
    try:
        for _ in range(20):
            crowd.downloads.submit(lambda over: None)
        crowd.submit("last")
        crowd.wait_for(1)
        assert crowd.throttle.limit == 1
    finally:
        crowd.close()


def test_error_of_a_task_is_kept_and_the_others_go_on(crowd: _Crowd) -> None:
    def breaks(over: Over) -> None:
        raise ZeroDivisionError

    crowd.downloads.submit(breaks)
    crowd.submit("a", "b")
    crowd.wait_for(2)
    assert isinstance(crowd.downloads.error, ZeroDivisionError)


def test_close_begins_nothing_more_and_waits_for_what_is_under_way(crowd: _Crowd) -> None:
    crowd.submit("a", "b", "c")
    crowd.wait_for(2)
    crowd.downloads.close(0.0)
    crowd.let_go("a", "b")
    crowd.downloads.close(DEADLINE_S)
    assert (crowd.here, crowd.all_here, crowd.downloads.queued) == ([], ["a", "b"], 0)


class _Outcome:
    """Something that takes memory."""


def test_while_much_waits_to_be_published_one_file_is_fetched_at_a_time(crowd: _Crowd) -> None:
    kept = _Outcome()
    crowd.downloads.keep(kept, 65 * 1024 * 1024)
    crowd.submit("a", "b", "c")
    crowd.wait_for(1)
    crowd.let_go("a")
    eventually(lambda: crowd.here == ["b"], DEADLINE_S, "the next to begin alone")
    del kept
    eventually(lambda: crowd.here == ["b", "c"], DEADLINE_S, "the others to begin when it is published")
