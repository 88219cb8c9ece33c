"""Work beside the stream, which is done when the test says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from schemas.errors import RowferryError, TransientError
from tests.unit.cdc_reader.connections import Connection
from tests.unit.cdc_reader.source import Source

_PATIENCE_S = 10_000.0  # of the clock that only waits move: who waits longer waits for ever


class Worker:
    """`cdc_reader.postgres.workers.Worker`; a pause moves the clock, and may let something happen."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.connection = Connection(source)
        self._began = source.clock.seconds

    def pause(self, seconds: float) -> None:
        self._source.clock.sleep(seconds)
        self._source.asked("pause")
        assert self._source.clock.seconds - self._began < _PATIENCE_S, "it waits for ever"

    def discard(self) -> None:
        self.connection = Connection(self._source)


class SideWork:
    """`cdc_reader.postgres.workers.SideWork` whose tasks run when `run` says so, or with the next `settle`."""

    wake_fd = -1

    def __init__(self, source: Source) -> None:
        self._source = source
        self._settled: deque[Callable[[], object]] = deque()
        self.tasks: deque[tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], bool]] = deque()
        self.waits = False

    def worker(self) -> Worker:
        return Worker(self._source)

    def submit(
        self, task: Callable[..., Any], done: Callable[..., Any], failed: Callable[..., Any], *, alone: bool = False
    ) -> None:
        self.tasks.append((task, done, failed, alone))

    def run(self, most: int = 1_000) -> None:
        for _ in range(min(most, len(self.tasks))):
            task, done, failed, alone = self.tasks.popleft()
            try:
                result = task(Worker(self._source))
            except RowferryError as exc:
                if not alone and not isinstance(exc, TransientError):
                    raise
                self._settled.append(lambda exc=exc, failed=failed: failed(exc))  # type: ignore[misc]
            else:
                self._settled.append(lambda result=result, done=done: done(result))  # type: ignore[misc]

    def settle(self) -> None:
        if not self.waits:
            self.run()
        while self._settled:
            self._settled.popleft()()

    def close(self, timeout_s: float = 5.0) -> None:
        self.tasks.clear()
