"""
What a child process inherits of signals: a suite that runs in the background was itself started with SIGINT ignored.

A test that interrupts a program says which of the two it means; none takes over what the suite happened to inherit.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Disposition = Callable[[int, FrameType | None], object] | signal.Handlers

# As a terminal starts a program (a handler of ours is the default in a child), and as a shell starts one behind `&`.
FOREGROUND: Disposition = signal.default_int_handler
BACKGROUND: Disposition = signal.SIG_IGN
_PR_SET_PDEATHSIG = 1


@contextmanager
def started_in(disposition: Disposition) -> Iterator[None]:
    """Processes started within the block inherit this for SIGINT. For the main thread alone."""
    ours = signal.signal(signal.SIGINT, disposition)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, ours)


def die_with_parent() -> None:
    """Called in a child: nothing is left behind when the test run is interrupted."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
