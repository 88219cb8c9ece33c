"""
Edge: carries out a step of the start, again and again while a neighbour does not answer.

Keeps: P15.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from cdc_runtime.drain import Drain
from schemas.errors import NeighbourMissing, TransientError

_AGAIN_S = 0.5
T = TypeVar("T")


class StartEnded(Exception):
    """The end was asked for before the start was over; nothing is wrong."""


def keep_trying(step: Callable[[], T], timeout_s: float, drain: Drain) -> T:
    """
    What the step returns.

    Raises `StartEnded` when the end is asked for before, `NeighbourMissing` when the step still cannot be done after
    `timeout_s`, and what it raises besides `TransientError`.
    How long a single call of the step waits is its own matter; `Neighbours` ends a start that hangs in one.
    """
    deadline = time.monotonic() + timeout_s
    while not drain.stopping:
        try:
            return step()
        except TransientError as exc:
            if time.monotonic() >= deadline:
                raise NeighbourMissing(
                    f"{exc} (waited {timeout_s:g} s)", neighbour=exc.neighbour, remedy=exc.remedy
                ) from exc
        drain.wait(_AGAIN_S)
    raise StartEnded
