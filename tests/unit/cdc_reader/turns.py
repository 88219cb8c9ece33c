"""One thread at a time: a reader's, which stands still where it would wait, and the test's, which lets it go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.unit.cdc_reader.clock import Clock

_HUNG_S = 90.0


class Killed(BaseException):
    """The process is gone between two calls; nothing in it may catch this."""


class Turns:
    """Lets one thread go on at a time: the test's, or the reader's."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._thread: threading.Thread | None = None
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._error: BaseException | None = None
        self._kill: BaseException | None = None
        self.over = True
        self.drain: Any = SimpleNamespace(
            stopping=False,
            is_stopping=lambda: self.drain.stopping,
            on_stop=lambda callback: None,
            remaining_s=lambda: 60.0,
            wait=self._wait,
        )

    def start(self, body: Callable[[], object]) -> None:
        self.over, self._error, self._kill, self.drain.stopping = False, None, None, False
        self._thread = threading.Thread(target=self._run, args=(body,), daemon=True)
        self._thread.start()
        self._stood()

    def _run(self, body: Callable[[], object]) -> None:
        try:
            body()
        except BaseException as exc:
            self._error = exc
        self.over = True
        self._stands.release()

    def pause(self) -> None:
        """The reader stands still here."""
        self._stands.release()
        assert self._go.acquire(timeout=_HUNG_S * 10)
        if self._kill is not None:
            raise self._kill

    def _wait(self, seconds: float) -> bool:
        self.clock.sleep(seconds)
        self.pause()
        return bool(self.drain.stopping)

    def next(self) -> None:
        assert not self.over, "the reader has ended"
        self._go.release()
        self._stood()

    def _stood(self) -> None:
        assert self._stands.acquire(timeout=_HUNG_S), "the reader neither reads nor waits"
        if self._error is not None and not isinstance(self._error, Killed):
            raise self._error

    def end(self, kill: BaseException | None = None) -> None:
        self._kill, self.drain.stopping = kill, kill is None
        while not self.over:
            self.next()
