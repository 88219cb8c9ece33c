"""
How a service stops: the first SIGTERM or SIGINT asks for it and starts one deadline; the second ends the process.

SIGHUP has two meanings. From a terminal that goes away it asks for the end, and does not insist when it comes twice, as
it then does. A daemon gets it from somebody who wants settings or logs opened again: nothing is to be done here, and
nothing ends. Who started us with `nohup` wants it passed over, and it is.

Leaves to others what to do with the time that is left (`remaining_s`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import structlog

_log = structlog.get_logger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# What a shell reports for a process that a signal ended.
_ENDED_BY_SIGNAL = 128
_STDERR = 2
_TERMINAL = Path("/dev/tty")


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
        """Take SIGTERM, SIGINT and, unless it is passed over, SIGHUP; from the main thread only."""
        for number in _SIGNALS:
            signal.signal(number, self._signalled)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._hung_up if _has_terminal() else _passed_over)

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self._event.is_set():
            # Someone insists. Nothing is lost: what is not committed is read again.
            sys.stderr.flush()
            os.write(_STDERR, f"a second signal, {signal.Signals(number).name}: ended at once\n".encode())
            os._exit(_ENDED_BY_SIGNAL + number)
        self._asked(number)

    def _hung_up(self, number: int, _: FrameType | None) -> None:
        # A terminal that goes away says so more than once, and Python gives its handlers back before it has ended.
        signal.signal(number, signal.SIG_IGN)
        if not self._event.is_set():
            self._asked(number)

    def _asked(self, number: int) -> None:
        self.signal = number
        self.stop()
        # The handlers of `logging` may be entered again by the thread that a signal interrupts in them.
        _log.info("stopping", because=self.reason, within_s=self._timeout_s)

    @property
    def reason(self) -> str:
        """Why the end was asked for, for people: the signal."""
        if self.signal is not None:
            return signal.Signals(self.signal).name
        return "asked to" if self.stopping else "nothing more to do"

    @property
    def cut_code(self) -> int:
        """The exit code of an end that was cut short: what a shell reports for the signal that asked for it."""
        return _ENDED_BY_SIGNAL + (self.signal or signal.SIGTERM)

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

    @property
    def overdue_s(self) -> float:
        """How long ago the deadline has passed; 0 before that."""
        return 0.0 if self._deadline is None else max(0.0, time.monotonic() - self._deadline)


def _has_terminal() -> bool:
    """Whether a terminal controls this process, whose end would be told by SIGHUP."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _passed_over(number: int, _: FrameType | None) -> None:
    _log.warning(
        "signal ignored",
        signal=signal.Signals(number).name,
        reason="settings and logs are opened at the start only",
        remedy="restart the service to change its settings; SIGTERM ends it",
    )
