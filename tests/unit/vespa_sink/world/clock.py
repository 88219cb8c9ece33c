"""An event loop whose time passes only when there is nothing to do, so that hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")

_run_coroutine_threadsafe = asyncio.run_coroutine_threadsafe
_EPOCH_S = 1_700_000_000.0
_LONGEST_S = 60.0  # of a thread that the loop waits for


class Clock:
    """What modules see as `time`."""

    def __init__(self, loop: JumpingLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        return self._loop.now_s

    def time(self) -> float:
        return _EPOCH_S + self._loop.now_s

    def time_ns(self) -> int:
        return int(self.time() * 1_000_000_000)


class JumpingLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer when nothing is ready; stands still while a thread works for it."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.working = 0  # threads that will tell the loop something
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        self.working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def sleep_in_thread(self, seconds: float) -> None:
        """Called by a thread that works for the loop: time may pass meanwhile."""
        over = threading.Event()

        def end() -> None:
            self.working += 1
            over.set()

        def begin() -> None:
            self.working -= 1
            self.call_later(seconds, end)

        self.call_soon_threadsafe(begin)
        over.wait(_LONGEST_S)

    def run_for_thread(self, work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> Future[T]:
        """As `asyncio.run_coroutine_threadsafe`, for a thread that works for the loop and now waits for it."""
        assert loop is self
        return _run_coroutine_threadsafe(self._waited_for(work), self)

    async def _waited_for(self, work: Coroutine[Any, Any, T]) -> T:
        self.working -= 1
        try:
            return await work
        finally:
            self.working += 1

    def _worked(self, _: asyncio.Future[Any]) -> None:
        self.working -= 1


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._loop.working or timeout is None:
            return super().select(0.0 if timeout == 0 else _LONGEST_S)
        events = super().select(0.0)
        if not events and timeout > 0:
            self._loop.now_s += timeout
        return events
