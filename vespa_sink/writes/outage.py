"""
When to try again, and how to leave an endpoint alone that does not answer.

Rule 1: a write is tried again without end; its own delay doubles up to a bound, with jitter.
Rule 2: once several answers in a row have failed, nothing is sent but one request after each growing pause,
        until one is answered. A single document that always fails does not hold up the others.
Rule 3: answers to requests sent before the last failure are part of the same failure.
"""

from __future__ import annotations

from collections.abc import Callable

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Delays

_THROTTLED_DELAYS = Delays(first_s=0.1, longest_s=1.0)
_FULL_DELAYS = Delays(first_s=5.0, longest_s=5.0)  # feed block (507): disks and memory do not empty at once
_FAILURES_IN_A_ROW = 3
_THROTTLED = 429
_FULL = 507


def wait_after(status: int, attempt: int, uniform: Callable[[], float]) -> float:
    """Seconds until a write that was answered so (0: not at all) is tried again; `attempt` counts from 1."""
    delays = _THROTTLED_DELAYS if status == _THROTTLED else NEIGHBOUR_DELAYS
    delay = delays.after_s(attempt, uniform)
    return max(delay, _FULL_DELAYS.after_s(attempt, uniform)) if status == _FULL else delay


class Outage:
    """Whether the endpoint may be asked now."""

    def __init__(self, uniform: Callable[[], float]) -> None:
        self._uniform = uniform
        self._failures = 0
        self._failed_at = float("-inf")
        self._quiet_until = float("-inf")

    @property
    def lasting(self) -> bool:
        """Whether the endpoint counts as gone."""
        return self._failures >= _FAILURES_IN_A_ROW

    def answered(self) -> None:
        """Any answer of a server that works ends the outage."""
        self._failures = 0
        self._quiet_until = float("-inf")

    def failed(self, sent_at: float, now: float) -> None:
        """A request sent at `sent_at` got no answer, or one of a server in trouble."""
        if sent_at < self._failed_at:
            return
        self._failures += 1
        self._failed_at = now
        if self.lasting:
            self._quiet_until = now + NEIGHBOUR_DELAYS.after_s(self._failures - _FAILURES_IN_A_ROW + 1, self._uniform)

    def allowed(self, in_flight: int, now: float) -> bool:
        """Whether one more request may be sent with `in_flight` others on their way."""
        return not self.lasting or (in_flight == 0 and now >= self._quiet_until)

    def wait_s(self, now: float) -> float:
        """Seconds until the pause is over; 0 when it is."""
        return max(0.0, self._quiet_until - now) if self.lasting else 0.0
