"""
Edge: runs the body of a service in a thread of its own, so that the main thread is free for signals.

Whatever the body waits for, a second signal ends the process at once, and so does the end of the time for stopping.
While the body waits in a call that is held from outside (`bounded_calls`) the service counts as alive; when that takes
long, as not ready.

Keeps: P13.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from cdc_runtime.bounded_calls import BoundedCalls, end_process
from cdc_runtime.call_bounds import LOOK_S, SLOW_S
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.subjects import CALLS

_log = structlog.get_logger(__name__)
# Beyond `stop_timeout_s`: whoever keeps to that time also leaves the group and closes its clients.
_GRACE_S = 15.0


class BodyThread:
    """One body. `run` is called once, by the main thread; `end` ends the process with a code."""

    def __init__(
        self, drain: Drain, health: Health, calls: BoundedCalls, end: Callable[[int], object] = end_process
    ) -> None:
        self._drain = drain
        self._health = health
        self._calls = calls
        self._end = end
        self._slow = False
        self._done = threading.Event()
        self._error: BaseException | None = None

    def run(self, body: Callable[[], None]) -> None:
        """Run the body and return when it does; raises what it raises."""
        threading.Thread(target=self._run, args=(body,), name="body", daemon=True).start()
        # A signal that another thread was given is handled at the next look.
        while not self._done.wait(LOOK_S):
            self._look()
        if self._error is not None:
            raise self._error

    def _run(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as exc:
            self._error = exc
        self._done.set()

    def _look(self) -> None:
        slowest = self._calls.slowest()
        if slowest is not None and slowest[1] > LOOK_S:
            self._health.tick()
        slow = slowest is not None and slowest[1] > SLOW_S
        if slowest is not None and slow:
            call, waited_s = slowest
            self._health.not_ready(f"{call.name} of {call.neighbour} has not returned for {waited_s:.0f} s", CALLS)
        elif self._slow:
            self._health.ready(CALLS)
        self._slow = slow
        if self._drain.overdue_s > _GRACE_S:
            code = self._drain.cut_code
            waits_for = None if slowest is None else slowest[0].name
            because = f"{self._drain.reason}, and stop_timeout_s is over"
            _log.warning("ended", because=because, code=code, waits_for=waits_for)
            self._end(code)
