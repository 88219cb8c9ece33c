"""
The tasks of a service: beside its main loop, in an event loop (`Tasks`) or in threads (`ThreadTasks`).

Rule 1: what a task lets out stops the service: an error that no one has classified is never only logged.
Rule 2: every task ends with the service; none is started after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks:
    """Made and used in the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._terminated = False
        self.stopped = asyncio.Event()
        self.error: BaseException | None = None

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine until it returns or the service ends."""
        if self._terminated:
            work.close()
            return
        task = self._loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Ask the service to end; callable from a signal handler or another thread, and after the loop's end."""
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self.stopped.set)

    def fail(self, error: BaseException) -> None:
        """Stop the service with this error; the first one counts."""
        self.error = self.error or error
        self.stopped.set()

    async def terminate(self) -> None:
        """Cancel what is running, and return when it has ended."""
        self._terminated = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)


class ThreadTasks:
    """Runs each task in a thread for which the end of the process does not wait: what it does can be done again."""

    def __init__(self) -> None:
        self._terminated = False
        self.stopped = threading.Event()
        self.error: BaseException | None = None

    def run(self, work: Callable[[], T]) -> Future[T]:
        """Run a function; the future has what it returns, and is cancelled when the service has ended."""
        future: Future[T] = Future()
        if self._terminated:
            future.cancel()
        else:
            threading.Thread(target=self._run, args=(work, future), name="task", daemon=True).start()
        return future

    def stop(self) -> None:
        """Ask the service to end; callable from a signal handler or another thread."""
        self.stopped.set()

    def fail(self, error: BaseException) -> None:
        """Stop the service with this error; the first one counts."""
        self.error = self.error or error
        self.stopped.set()

    def terminate(self) -> None:
        """Start nothing more. What is running cannot be interrupted: it has no consequence any more."""
        self._terminated = True

    def _run(self, work: Callable[[], T], future: Future[T]) -> None:
        try:
            result = work()
        except BaseException as exc:
            if not self._terminated:
                self.fail(exc)
            future.set_exception(exc)
        else:
            future.set_result(result)
