"""
Edge: holds calls into client libraries from outside, since none is trusted to return.

    held      the call runs in its caller's thread; past its bound the process ends
    leaving   the call runs in a thread of its own; past its bound it is left behind, once, and later as above

One thread looks at all calls that are under way. What was left behind is never freed, as its destructor might wait for
the call: a process that left something behind ends by `end_process`, and not through the interpreter.

Leaves to others: what must become of a call (`call_bounds`), and what takes the place of one that was left behind.

Keeps: P13.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import structlog

from cdc_runtime.call_bounds import LOOK_S, Call, Verdict, counted_s, verdict
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_REMEDY = "start it again: what was not committed is read again"
T = TypeVar("T")
_thread = threading.local()


class CallLeftBehind(TransientError):
    """A call did not return within its bound: its client is lost, and whether it happened is not known."""


def end_process(code: int) -> NoReturn:
    """End at once, without the interpreter's own end: that frees clients, and may wait for them."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _UnderWay:
    """A call that has not returned, and how much time of it counts."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.thread = threading.get_ident()
        self.waited_s = 0.0
        self.aside = False


class BoundedCalls:
    """The calls of a process; usable from any thread. `end` ends the process with a code."""

    def __init__(self, end: Callable[[int], object] = end_process) -> None:
        self._end = end
        self._under_way: dict[int, _UnderWay] = {}
        self._left: list[object] = []
        self._lock = threading.Lock()
        self._looking = False

    @property
    def left(self) -> int:
        """How many clients were left behind."""
        return len(self._left)

    def keep(self, client: object) -> None:
        """Never free a client whose call was left behind."""
        self._left.append(client)

    def slowest(self) -> tuple[Call, float] | None:
        """The call that is under way for longest, and for how many seconds; None when none is, but for `long` ones."""
        under_way = list(self._under_way.values())
        calls = [(each.call, each.waited_s) for each in under_way if not each.aside and not each.call.long]
        return max(calls, key=lambda each: each[1], default=None)

    @contextmanager
    def held(self, call: Call) -> Iterator[None]:
        """Make a call within the block; past its bound the process ends. One within `leaving` is held by that."""
        if getattr(_thread, "leaving", False):
            yield
            return
        under_way = self._begin(call)
        try:
            yield
        finally:
            del self._under_way[id(under_way)]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within the block a call of this thread has called us back: it does not count, and begins again behind it."""
        thread = threading.get_ident()
        waiting = [each for each in list(self._under_way.values()) if each.thread == thread and not each.aside]
        for each in waiting:
            each.aside = True
        try:
            yield
        finally:
            for each in waiting:
                each.waited_s, each.aside = 0.0, False

    def leaving(self, call: Call, work: Callable[[], T], client: Callable[[], object]) -> T:
        """
        Make a call of a client in a thread of its own; returns what it returns, raises what it raises.

        Past its bound it raises `CallLeftBehind`, and keeps what `client` returns; where that may not be, the process
        ends. Otherwise nothing here refers to the client, so that it can be freed.
        """
        outcome = _Outcome(work)
        under_way = self._begin(call)
        try:
            threading.Thread(target=outcome.run, name=call.name, daemon=True).start()
            while not outcome.done.wait(LOOK_S):
                if self._leave(under_way, client):
                    raise CallLeftBehind(**_told(call), neighbour=call.neighbour)
        finally:
            del self._under_way[id(under_way)]
        result: T = outcome.get()
        return result

    def _leave(self, under_way: _UnderWay, client: Callable[[], object]) -> bool:
        call = under_way.call
        with self._lock:
            if verdict(call, under_way.waited_s, self.left) is not Verdict.LEAVE:
                return False
            # From here on it is no call of ours: it must not be judged again as the second one.
            under_way.aside = True
            self.keep(client())
        _log.error("call left behind", call=call.name, neighbour=call.neighbour, within_s=call.bound_s)
        return True

    def _begin(self, call: Call) -> _UnderWay:
        if not self._looking:
            self._start_looking()
        under_way = _UnderWay(call)
        self._under_way[id(under_way)] = under_way
        return under_way

    def _start_looking(self) -> None:
        with self._lock:
            if self._looking:
                return
            self._looking = True
        threading.Thread(target=self._look_on, name="bounded-calls", daemon=True).start()

    def _look_on(self) -> None:
        looked_at = time.monotonic()
        while True:
            time.sleep(LOOK_S)
            now = time.monotonic()
            self._look(counted_s(now - looked_at))
            looked_at = now

    def _look(self, counted: float) -> None:
        for each in list(self._under_way.values()):
            with self._lock:
                each.waited_s += 0.0 if each.aside else counted
                over = not each.aside and verdict(each.call, each.waited_s, self.left) is Verdict.END
            if over:
                self._end_by(each.call)

    def _end_by(self, call: Call) -> None:
        code = TransientError.exit_code
        reason = "expected {expected}, got {found}".format(**_told(call))
        # A command of the operator's has no log, and structlog's default would write to stdout.
        if structlog.is_configured():
            _log.critical("fatal", code=code, call=call.name, neighbour=call.neighbour, reason=reason, remedy=_REMEDY)
        sys.stderr.write(f"{Path(sys.argv[0]).name}: {reason}; {_REMEDY}\n")
        self._end(code)


class _Outcome:
    """What becomes of a call in a thread of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._result: Any = None
        self._error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        _thread.leaving = True
        try:
            self._result = self._work()
        except BaseException as exc:
            self._error = exc
        self.done.set()

    def get(self) -> Any:  # noqa: ANN401
        if self._error is not None:
            raise self._error
        return self._result


def _told(call: Call) -> dict[str, str]:
    return {"expected": f"{call.name} of {call.neighbour} to return within {call.bound_s:g} s", "found": "nothing"}


CALLS = BoundedCalls()
