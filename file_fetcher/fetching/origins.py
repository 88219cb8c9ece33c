"""
Edge: the buckets and hosts that files come from, and which of them are left alone; thread-safe.

Leaves to others: when a breaker opens and closes (`breakers`), and what becomes of a file that is not asked for.
"""

from __future__ import annotations

import threading
import time

import structlog

from file_fetcher.failures import FetchProblem
from file_fetcher.fetching.breakers import Breaker
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.settings import RetrySettings

_log = structlog.get_logger(__name__)


class Origins:
    """The breakers of all origins; thread-safe."""

    def __init__(self, settings: RetrySettings, metrics: FetcherMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._breakers: dict[str, Breaker] = {}
        self._answered_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def left_alone_s(self, origin: str) -> tuple[float, str] | None:
        """How long an origin is left alone still, and why; None when it may be asked now."""
        with self._lock:
            breaker = self._breakers.get(origin)
            now = time.monotonic()
            if breaker is None or breaker.allows(now):
                return None
            return breaker.wait_s(now), breaker.reason

    def answered(self, origin: str) -> None:
        """An origin has given what it has."""
        with self._lock:
            self._answered_at[origin] = time.monotonic()
            breaker = self._breakers.get(origin)
            closed = breaker is not None and breaker.succeeded()
        if closed:
            self._metrics.circuit(origin, is_open=False)
            _log.info("place is asked again", place=origin)

    def silent_s(self, origin: str) -> float | None:
        """How long ago an origin gave what it has; None when it never did in the life of this process."""
        with self._lock:
            answered_at = self._answered_at.get(origin)
        return None if answered_at is None else time.monotonic() - answered_at

    def gave_up(self, origin: str) -> None:
        """A try ended without an answer, through our own doing."""
        with self._lock:
            if origin in self._breakers:
                self._breakers[origin].gave_up()

    def failed(self, origin: str, problem: FetchProblem, *, wholly: bool) -> None:
        """An origin gave nothing."""
        with self._lock:
            breaker = self._breakers.get(origin)
            if breaker is None:
                settings = self._settings
                breaker = self._breakers[origin] = Breaker(settings.breaker_failures, settings.breaker_delay_s)
            opened = breaker.failed(time.monotonic(), problem.reason, wholly=wholly)
        if opened:
            self._metrics.circuit(origin, is_open=True)
            _log.warning("place is left alone", place=origin, reason=str(problem), remedy=problem.remedy)

    def open_origins(self) -> dict[str, str]:
        """The origins that are left alone now, and why."""
        with self._lock:
            return {origin: breaker.reason for origin, breaker in self._breakers.items() if breaker.is_open}
