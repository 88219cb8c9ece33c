"""
How many requests may be in flight: as Vespa's own clients find it (DynamicThrottler of vespa-feed-client).

A bound rises by one for every ten successes and halves where the server asks for fewer (429, SlowDown). Below it,
measured throughput in buckets over the number in flight decides, with a penalty for latency, and a random step skewed
towards more.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

_BUCKETS = 128
_RANGE = 256.0  # greatest over least number in flight that the buckets tell apart
_WEIGHT = 0.7  # of throughput against latency


class Throttle:
    """
    The number of requests that may be in flight now (`limit`).

    Rule 1: `limit` stays between `minimum` and `maximum`.
    Rule 2: a refusal halves the number, at most once for each round of requests.
    """

    def __init__(self, *, start: int, minimum: int, maximum: int, uniform: Callable[[], float]) -> None:
        self._minimum = minimum
        self._maximum = max(minimum, maximum)
        self._uniform = uniform
        self._target = float(max(minimum, min(maximum, start)))
        self._bound_x10 = 10 * self._maximum
        self._throughputs = [0.0] * _BUCKETS
        self._ok = 0
        self._sent = 0
        self._since: float | None = None
        self._immune = 0  # answers to requests that were sent before the last halving

    @property
    def limit(self) -> int:
        """How many requests may be in flight."""
        return max(self._minimum, min(self._bound_x10 // 10, int(self._target)))

    def succeeded(self) -> None:
        """An answer came that says the server keeps up."""
        self._ok += 1
        self._immune = max(0, self._immune - 1)
        self._bound_x10 = min(self._bound_x10 + 1, self._maximum * 10)

    def throttled(self, in_flight: int) -> None:
        """The server refused a request; `in_flight` counts those whose answers are still to come."""
        if self._immune > 0:
            self._immune -= 1
            return
        self._immune = in_flight
        self._bound_x10 = max(self.limit * 5, self._minimum * 10)

    def sent(self, now: float) -> None:
        """A request was sent; once in a while what was measured since the last time is weighed."""
        if self._since is None:
            self._since = now
        self._sent += 1
        if self._sent**3 < 1000 * self._target**2 or now <= self._since:
            return
        self._weigh(self._ok / (now - self._since))
        self._sent = self._ok = 0
        self._since = now

    def _weigh(self, throughput: float) -> None:
        at = int(_BUCKETS * math.log(max(1.0, min(_RANGE - 1, self._target / self._minimum))) / math.log(_RANGE))
        self._throughputs[at] = throughput
        known = [index for index, value in enumerate(self._throughputs) if value]
        if not known:
            return
        best = max(known, key=self._objective)
        self._smooth(known)
        if best == known[-1] and best + 1 < _BUCKETS:  # the best is the highest one tried: look above it
            target = 1 + self._in_flight(best + 1)
        else:
            target = (self._uniform() * 0.40 + 0.84) * self._in_flight(best) + self._uniform() * 4 - 1
        self._target = max(self._minimum, min(self._maximum, target))

    def _in_flight(self, bucket: int) -> float:
        return self._minimum * float(_RANGE ** ((bucket + 0.5) / _BUCKETS))

    def _objective(self, bucket: int) -> float:
        return self._throughputs[bucket] * float(self._in_flight(bucket) ** (_WEIGHT - 1))

    def _smooth(self, known: list[int]) -> None:
        """Pull each measurement a little towards its neighbours, against noise."""
        values = self._throughputs
        before = values[known[0]]
        for middle, right in itertools.pairwise(known):
            old = values[middle]
            values[middle] = (18 * old + values[right] + before) / 20
            before = old
