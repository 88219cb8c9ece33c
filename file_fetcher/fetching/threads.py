"""
The threads that fetch: as many downloads at once as the throttle allows; reading goes on beside them.

Edge. A thread that has downloaded its file lets another begin while it stores and reads the file; how many threads
there may be in all bounds how many files wait for a parser; none is made that the throttle would hold back. While what
was read and not yet published is large, one file is fetched at a time: a row is published as a whole, so that none
would mean for ever. Who begins next, `shares` says: places take turns, and one that hangs stops no other. Nor does one
whose files wait for a parser.

Keeps: V14.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

from cdc_runtime.throttle import Throttle
from file_fetcher.failures import Cancelled, Failed, FetchProblem, Later, Skipped, Throttled
from file_fetcher.fetching.shares import Shares
from file_fetcher.metrics import FetcherMetrics

# A task gets a function that it calls when its download is over: with None when it succeeded.
Over = Callable[[FetchProblem | None], None]
Task = Callable[[Over], None]
_STUCK = frozenset({"network"})
_MOST_KEPT_BYTES = 64 * 1024 * 1024
_LOOK_S = 0.2  # there is no word when memory has become free
_TURN_S = 1.0  # nor when a place begins to stand still


class Downloads:
    """Runs tasks in threads of its own: places in turn, those of a place in the order in which they come."""

    def __init__(
        self, throttle: Throttle, threads: int, metrics: FetcherMetrics, *, reading: int | None = None
    ) -> None:
        """`threads`: how many at most; `reading`: while so many read files of a place, no more of it begins."""
        self._throttle = throttle
        self._most_threads = threads
        self._most_reading = threads if reading is None else reading
        self._metrics = metrics
        self._tasks: OrderedDict[str, deque[Task]] = OrderedDict()
        self._shares = Shares()
        # What was downloaded and is being stored and read, by place.
        self._reading: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._kept_bytes = 0
        self._forgotten: deque[int] = deque()
        self._closed = False
        self.error: BaseException | None = None

    def submit(self, task: Task, place: str = "") -> None:
        """Take a task, which is for a place; it is run as soon as there is room."""
        with self._changed:
            self._tasks.setdefault(place, deque()).append(task)
            self._staff()
            self._changed.notify()

    def _staff(self) -> None:
        """Make a thread where one is needed now: a task that may not begin needs none.

        A thread that was made, or woken, counts as idle until it has a task; then it looks whether another is needed.
        """
        if not self._idle and self._turn() is not None and len(self._threads) < self._most_threads:
            thread = threading.Thread(target=self._run, name=f"fetch-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            self._idle += 1
            thread.start()

    def keep(self, outcome: object, size_bytes: int) -> None:
        """Count what an outcome holds in memory until the outcome is forgotten."""
        with self._changed:
            self._kept_bytes += size_bytes
        weakref.finalize(outcome, self._gone, size_bytes)

    def _gone(self, size_bytes: int) -> None:
        """Called wherever an object ends, even within a call of ours: takes no lock."""
        self._forgotten.append(size_bytes)

    @property
    def queued(self) -> int:
        """Tasks that wait."""
        return sum(len(each) for each in self._tasks.values())

    def close(self, deadline_s: float) -> None:
        """Begin nothing more, and wait a while for what is under way."""
        with self._changed:
            self._closed = True
            self._tasks.clear()
            self._changed.notify_all()
        until = time.monotonic() + deadline_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        while (found := self._next()) is not None:
            task, place = found
            over = _Release(self, place)
            try:
                task(over)
            except BaseException as exc:
                self.error = self.error or exc
            finally:
                over(Cancelled())  # where nothing was downloaded: neither a success nor a failure of an origin
            with self._changed:
                self._idle += 1
                if over.reads:
                    self._read(place)

    def _next(self) -> tuple[Task, str] | None:
        with self._changed:
            while not self._closed and (place := self._turn()) is None:
                self._changed.wait(self._look_s())
            self._idle -= 1
            if self._closed or place is None:
                return None
            self._shares.begun(place)
            self._show()
            self._throttle.sent(time.monotonic())
            waiting = self._tasks.pop(place)
            task = waiting.popleft()
            if waiting:
                self._tasks[place] = waiting  # behind all others
            self._staff()
            return task, place

    def _turn(self) -> str | None:
        """The place whose turn it is; None where nothing may begin."""
        if not self._tasks:
            return None
        room, now = self._limit(), time.monotonic()
        alone = len(self._tasks) == 1
        return next(
            (
                place
                for place in self._tasks
                if self._reading[place] < self._most_reading and self._shares.may_begin(place, room, now, alone=alone)
            ),
            None,
        )

    def _read(self, place: str) -> None:
        self._reading[place] -= 1
        if not self._reading[place]:
            del self._reading[place]

    def _look_s(self) -> float | None:
        if self._kept_bytes > _MOST_KEPT_BYTES:
            return _LOOK_S
        return _TURN_S if self._tasks else None

    def _limit(self) -> int:
        while self._forgotten:
            self._kept_bytes -= self._forgotten.popleft()
        return 1 if self._kept_bytes > _MOST_KEPT_BYTES else self._throttle.limit

    def released(self, place: str, problem: FetchProblem | None) -> None:
        """A download is over."""
        with self._changed:
            if isinstance(problem, Throttled) or (isinstance(problem, Later) and problem.reason in _STUCK):
                self._throttle.throttled(self._shares.under_way - 1)
            elif problem is None:
                self._throttle.succeeded()
            well = problem is None or isinstance(problem, (Skipped, Failed))
            self._shares.ended(place, time.monotonic(), well=well)
            self._show()
            if problem is None:  # its thread reads the file now; any other is free at once
                self._reading[place] += 1
                self._staff()
            self._changed.notify(2)  # one slot is free, and the limit may have risen

    def _show(self) -> None:
        self._metrics.in_flight.set(self._shares.under_way)
        self._metrics.in_flight_limit.set(self._throttle.limit)


class _Release:
    """Tells once that a download is over."""

    def __init__(self, owner: Downloads, place: str) -> None:
        self._owner: Downloads | None = owner
        self._place = place
        self.reads = False  # it was downloaded, and is read now

    def __call__(self, problem: FetchProblem | None) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            self.reads = problem is None
            owner.released(self._place, problem)
