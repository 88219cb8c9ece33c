"""
Work beside the stream: reads and messages on ordinary connections, in a few threads.

Tasks run in worker threads; what becomes of them is handled on the stream's own thread, by `settle`, so that no
state of the reader is touched by two threads. `wake_fd` becomes readable when something is to be settled.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg

from cdc_reader.postgres.connections import Connection, translated
from schemas.errors import RowferryError, TransientError

T = TypeVar("T")
_CANCEL_S = 2.0
Failed = Callable[[Any], None]
Task = tuple[Callable[["Worker"], object], Callable[[object], None], Failed, bool]


class Worker:
    """What a task may use: a connection of its own, and whether it should give up."""

    def __init__(self, connect: Callable[[], Connection], stopping: threading.Event) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self.stopping = stopping

    @property
    def connection(self) -> Connection:
        """The worker's connection, opened when it is needed and again when it broke; autocommit."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self._connect()
        return self._connection

    def pause(self, seconds: float) -> None:
        """Wait a little; raises `TransientError` when the reader stops or rewinds meanwhile."""
        if self.stopping.wait(seconds):
            raise TransientError("the reader is stopping")

    def cancel(self) -> None:
        """End the statement that runs, from another thread; a server that cannot be asked has ended it already."""
        connection = self._connection
        if connection is not None and not connection.closed:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=_CANCEL_S)

    def discard(self) -> None:
        """Close the connection; the next task opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SideWork:
    """A few workers; one life per session, closed at every rewind."""

    def __init__(self, connect: Callable[[], Connection], *, workers: int) -> None:
        self._stopping = threading.Event()
        self._connect = connect
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._settled: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.wake_fd, self._wake_write = os.pipe()
        os.set_blocking(self.wake_fd, False)
        os.set_blocking(self._wake_write, False)
        self._workers = [Worker(connect, self._stopping) for _ in range(workers)]
        self._extra: list[Worker] = []
        self._pipe_lock = threading.Lock()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, args=(worker,), name=f"side-{at}", daemon=True)
            for at, worker in enumerate(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def worker(self) -> Worker:
        """A worker for the stream's own thread: a connection of its own, and the same end."""
        worker = Worker(self._connect, self._stopping)
        self._extra.append(worker)
        return worker

    def submit(
        self, task: Callable[[Worker], T], done: Callable[[T], None], failed: Failed, *, alone: bool = False
    ) -> None:
        """Run `task` in a worker; later, in `settle`, hand its result to `done` or its failure to `failed`.

        An error that is not transient is raised by `settle`; one of a task that stands `alone` is handed to `failed`
        too, as long as it is of our tree: it is the trouble of one table (rule D8).
        """
        self._tasks.put((task, done, failed, alone))  # type: ignore[arg-type]

    def settle(self) -> None:
        """Handle what has finished since the last call; call it on the stream's thread."""
        try:
            os.read(self.wake_fd, 4096)
        except BlockingIOError:
            return
        while True:
            try:
                handle = self._settled.get_nowait()
            except queue.Empty:
                return
            handle()

    def _work(self, worker: Worker) -> None:
        while (entry := self._tasks.get()) is not None:
            task, done, failed, alone = entry
            try:
                with translated("read beside the stream"):
                    result = task(worker)
            except TransientError as exc:
                worker.discard()
                self._settle_later(lambda exc=exc, failed=failed: failed(exc))  # type: ignore[misc]
            except RowferryError as exc:
                tell = failed if alone else _raise
                self._settle_later(lambda exc=exc, tell=tell: tell(exc))  # type: ignore[misc]
            except Exception as exc:  # the outermost loop of this thread: the stream's thread raises it
                self._settle_later(lambda exc=exc: _raise(exc))  # type: ignore[misc]
            else:
                self._settle_later(lambda result=result, done=done: done(result))  # type: ignore[misc]
        worker.discard()

    def _settle_later(self, handle: Callable[[], None]) -> None:
        self._settled.put(handle)
        with self._pipe_lock, suppress(BlockingIOError):  # full: the reader is awake
            if not self._closed:
                os.write(self._wake_write, b"x")

    def close(self, timeout_s: float = 5.0) -> None:
        """Give up all tasks; their results are never handled."""
        self._stopping.set()
        for _ in self._threads:
            self._tasks.put(None)
        for worker, thread in zip(self._workers, self._threads, strict=True):
            if thread.is_alive():
                worker.cancel()
        for thread in self._threads:
            thread.join(timeout_s)
        for worker in self._extra:
            worker.discard()
        with self._pipe_lock:  # a worker that is late must not write into a descriptor that another owner has by then
            self._closed = True
            os.close(self.wake_fd)
            os.close(self._wake_write)


def _raise(exc: Exception) -> None:
    raise exc
