"""
Waiting for a condition, with a deadline: the only place in the tests that sleeps.

A deadline ends what hangs, so it is long: how fast the machine is decides no test. Where a time-out of the product is
what a test shows, it is set so that the right answer comes at any speed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.02


def eventually(condition: Callable[[], T], timeout_s: float = 150.0, what: str = "") -> T:
    """Return the first true value of the condition; AssertionError when none came in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(_message(timeout_s, what, value))
        time.sleep(_POLL_S)
    return value


async def eventually_async(condition: Callable[[], Awaitable[T]], timeout_s: float = 150.0, what: str = "") -> T:
    """As `eventually`, for a condition that is awaited."""
    deadline = time.monotonic() + timeout_s
    while not (value := await condition()):
        if time.monotonic() > deadline:
            raise AssertionError(_message(timeout_s, what, value))
        await asyncio.sleep(_POLL_S)
    return value


def _message(timeout_s: float, what: str, value: object) -> str:
    return f"expected {what or 'a condition'} within {timeout_s:g} s, last got {value!r}"
