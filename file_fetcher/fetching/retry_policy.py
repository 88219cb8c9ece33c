"""
What becomes of a try that failed (pure): another one after a pause, or the end.

Keeps: F7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from file_fetcher.failures import Blocked, Failed, FetchProblem, Later, Skipped
from file_fetcher.work import Again, Not

_JITTER = 0.2  # of a pause at most, so that what failed together does not come back together


@dataclass(frozen=True, slots=True)
class Try:
    """The number of a try (0: the first), of which origin, and when."""

    attempt: int
    origin: str
    now_ms: int


def after(problem: FetchProblem, failed: Try, delays_s: Sequence[float], uniform: Callable[[], float]) -> Not | Again:
    """
    The outcome of a try.

    A `Later` uses up an attempt; a `Blocked` does not and waits for the first of the pauses (its origin's breaker has
    its own). `uniform` returns numbers from 0 to 1.
    """
    detail = str(problem)
    if isinstance(problem, Blocked):
        return _again(failed, failed.attempt, min(delays_s, default=1.0), problem.reason, uniform)
    if isinstance(problem, Later) and failed.attempt < len(delays_s):
        return _again(failed, failed.attempt + 1, delays_s[failed.attempt], problem.reason, uniform)
    if isinstance(problem, (Skipped, Later, Failed)):
        return Not(not isinstance(problem, Skipped), problem.reason, detail, failed.origin)
    raise TypeError(f"expected a problem of fetching, got {type(problem).__name__}")


def will_come_back(silent_s: float | None, delays_s: Sequence[float]) -> bool:
    """
    Whether a host that does not answer is believed to be out of order for a while, which is no file's fault.

    `silent_s`: how long ago it gave what it has; None when it never did, as far as this process knows. After as long
    as all pauses together it is taken for gone: from then on its files use up their attempts.
    """
    return silent_s is not None and silent_s < sum(delays_s)


def host_missing(
    reason: str, failed: Try, delays_s: Sequence[float], uniform: Callable[[], float], *, wait_s: float = 0.0
) -> Not | Again:
    """The outcome where a host is taken for gone: uses up an attempt, and waits until it is asked again (`wait_s`)."""
    if failed.attempt < len(delays_s):
        return _again(failed, failed.attempt + 1, max(delays_s[failed.attempt], wait_s + 1), reason, uniform)
    detail = f"expected {failed.origin!r} to answer while retry.delays_s last, it did not"
    return Not(failed=True, reason=reason, detail=detail, origin=failed.origin)


def left_alone(left: Try, reason: str, wait_s: float, uniform: Callable[[], float]) -> Again:
    """The outcome where an origin is left alone that will come back: no attempt is used up."""
    return _again(left, left.attempt, wait_s + 1, reason, uniform)


def _again(failed: Try, attempt: int, pause_s: float, reason: str, uniform: Callable[[], float]) -> Again:
    return Again(attempt, failed.now_ms + int(pause_s * 1000 * (1 + _JITTER * uniform())), reason, failed.origin)
