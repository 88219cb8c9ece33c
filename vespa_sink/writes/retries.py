"""Attempts that are sent again, before anything new: at once, or after a while."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable

from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import NO_ANSWER, Answer, retry_reason
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.outage import wait_after


class Retries:
    """Lives in the event loop; calls `wake` when an attempt may be sent."""

    def __init__(self, metrics: SinkMetrics, wake: Callable[[], None]) -> None:
        self._metrics = metrics
        self._wake = wake
        self._due: deque[Attempt] = deque()
        self._loop = asyncio.get_running_loop()

    def again(self, attempts: Iterable[Attempt]) -> None:
        """Send these as soon as anything may be sent."""
        self._due.extend(attempts)
        self._wake()

    def later(self, attempt: Attempt, answer: Answer) -> None:
        """Send an attempt again that was answered so; the wait grows with each try."""
        attempt.tries += 1
        self._metrics.retry(retry_reason(answer))
        status = NO_ANSWER if answer.foreign else answer.status
        self._loop.call_later(wait_after(status, attempt.tries, random.random), self.again, [attempt])

    def take(self) -> Attempt | None:
        """The next one that is due."""
        return self._due.popleft() if self._due else None
