"""
How a service stops: the first SIGTERM or SIGINT asks for it and starts one deadline; the second ends the process.

Leaves to others what to do with the time that is left (`remaining_s`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# What a shell reports for a process that a signal ended.
_ENDED_BY_SIGNAL = 128


class Drain:
    """
    Whether to stop, and how long that may take. Usable from any thread.

    Loops ask `stopping`, or sleep with `wait`; asyncio code registers a callback with `on_stop` that sets its event
    through `loop.call_soon_threadsafe`.
    """

    def __init__(self, stop_timeout_s: float) -> None:
        self._timeout_s = stop_timeout_s
        self._event = threading.Event()
        self._deadline: float | None = None
        # Reentrant: a signal may come while the main thread holds it.
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[], None]] = []
        self.signal: int | None = None

    def install(self) -> None:
        """Take SIGTERM and SIGINT; from the main thread only."""
        for number in _SIGNALS:
            signal.signal(number, self._signalled)

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self._event.is_set():
            # Someone insists. Nothing is lost: what is not committed is read again.
            sys.stderr.flush()
            os._exit(_ENDED_BY_SIGNAL + number)
        self.signal = number
        self.stop()

    def stop(self) -> None:
        """Ask for the end; the deadline counts from the first call."""
        with self._lock:
            if self._event.is_set():
                return
            self._deadline = time.monotonic() + self._timeout_s
            self._event.set()
            callbacks = self._callbacks[:]
        for callback in callbacks:
            callback()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call `callback` (which must not block) when the end is asked for; at once when it already was."""
        with self._lock:
            self._callbacks.append(callback)
            already = self._event.is_set()
        if already:
            callback()

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for."""
        return self._event.is_set()

    def is_stopping(self) -> bool:
        """`stopping` as a function, for waits that take one."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until the end is asked for, `timeout_s` at most; True when it was."""
        return self._event.wait(timeout_s)

    def remaining_s(self) -> float:
        """What is left of the one deadline, never below zero; the whole time-out before the end was asked for."""
        if self._deadline is None:
            return self._timeout_s
        return max(0.0, self._deadline - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return self._deadline is not None and time.monotonic() >= self._deadline
