"""
The threads that fetch: as many downloads at once as the throttle allows; reading goes on beside them.

Edge. A thread that has downloaded its file lets another begin while it stores and reads the file; how many threads
there are in all bounds how many files wait for a parser. While what was read and not yet published is large, one file
is fetched at a time: a row is published as a whole, so that none would mean for ever.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from cdc_runtime.throttle import Throttle
from file_fetcher.failures import Cancelled, FetchProblem, Later, Throttled
from file_fetcher.metrics import FetcherMetrics

# A task gets a function that it calls when its download is over: with None when it succeeded.
Over = Callable[[FetchProblem | None], None]
Task = Callable[[Over], None]
_STUCK = frozenset({"network"})
_MOST_KEPT_BYTES = 64 * 1024 * 1024
_LOOK_S = 0.2  # there is no word when memory has become free


class Downloads:
    """Runs tasks in threads of its own, in the order in which they come."""

    def __init__(self, throttle: Throttle, threads: int, metrics: FetcherMetrics) -> None:
        self._throttle = throttle
        self._most_threads = threads
        self._metrics = metrics
        self._tasks: deque[Task] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._under_way = 0
        self._kept_bytes = 0
        self._forgotten: deque[int] = deque()
        self._closed = False
        self.error: BaseException | None = None

    def submit(self, task: Task) -> None:
        """Take a task; it is run as soon as there is room."""
        with self._changed:
            self._tasks.append(task)
            # A thread that was woken still counts as idle until it runs: what counts is who will be left without one.
            if len(self._tasks) > self._idle and len(self._threads) < self._most_threads:
                thread = threading.Thread(target=self._run, name=f"fetch-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

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
        return len(self._tasks)

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
        while (task := self._next()) is not None:
            over = _Release(self)
            try:
                task(over)
            except BaseException as exc:
                self.error = self.error or exc
            finally:
                over(Cancelled())  # where nothing was downloaded: neither a success nor a failure of an origin

    def _next(self) -> Task | None:
        with self._changed:
            self._idle += 1
            while not self._closed and not (self._tasks and self._under_way < self._limit()):
                self._changed.wait(_LOOK_S if self._kept_bytes > _MOST_KEPT_BYTES else None)
            self._idle -= 1
            if self._closed:
                return None
            self._count(1)
            self._throttle.sent(time.monotonic())
            return self._tasks.popleft()

    def _limit(self) -> int:
        while self._forgotten:
            self._kept_bytes -= self._forgotten.popleft()
        return 1 if self._kept_bytes > _MOST_KEPT_BYTES else self._throttle.limit

    def released(self, problem: FetchProblem | None) -> None:
        """A download is over."""
        with self._changed:
            if isinstance(problem, Throttled) or (isinstance(problem, Later) and problem.reason in _STUCK):
                self._throttle.throttled(self._under_way - 1)
            elif problem is None:
                self._throttle.succeeded()
            self._count(-1)
            self._changed.notify(2)  # one slot is free, and the limit may have risen

    def _count(self, step: int) -> None:
        self._under_way += step
        self._metrics.in_flight.set(self._under_way)
        self._metrics.in_flight_limit.set(self._throttle.limit)


class _Release:
    """Tells once that a download is over."""

    def __init__(self, owner: Downloads) -> None:
        self._owner: Downloads | None = owner

    def __call__(self, problem: FetchProblem | None) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.released(problem)
