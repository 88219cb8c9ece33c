"""
What becomes of the rejected documents of one document type: held, sent again, or given up.

Carries out what `breaker` decides, with the probe that tells a faulty document from a faulty index.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from cdc_runtime.consuming.tasks import Tasks
from schemas.errors import RecordError
from vespa_sink.completion import Completion
from vespa_sink.vespa.answers import Verdict, public_reason
from vespa_sink.vespa.probes import Probe
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.breaker import Breaker
from vespa_sink.writes.breaker_report import BreakerReport
from vespa_sink.writes.retries import Retries

_LOOK_S = 0.1  # how often held documents are looked at; only while there are any
_SILENCE_S = 1.0  # between two probes that got no answer


class Rejections:
    """Lives in the event loop."""

    def __init__(
        self,
        breaker: Breaker,
        probe: Probe,
        report: BreakerReport,
        *,
        retries: Retries,
        completion: Completion,
        tasks: Tasks,
    ) -> None:
        self._breaker = breaker
        self._probe = probe
        self._report = report
        self._retries = retries
        self._completion = completion
        self._tasks = tasks
        self._held: list[Attempt] = []
        self._parked: list[Attempt] = []
        self._judging = False
        self._clock: Callable[[], float] = time.monotonic

    @property
    def paused(self) -> bool:
        """Whether nothing of this type may be sent."""
        return self._breaker.open

    def accepted(self) -> None:
        """Vespa has taken a document of this type, or has a newer one."""
        self._breaker.accepted()

    def park(self, attempt: Attempt) -> None:
        """Keep an attempt until the breaker closes."""
        self._parked.append(attempt)

    def reject(self, attempt: Attempt, reason: str) -> None:
        """Vespa has rejected the document of an attempt."""
        attempt.tries += 1
        if attempt.judged and not self._breaker.open:
            error = RecordError(f"expected Vespa to take the document, got a rejection: {reason}")
            self._completion.give_up(attempt.write, error)
            return
        was_open = self._breaker.open
        attempt.judged = False
        if attempt.rejected_at is None:
            attempt.rejected_at = self._breaker.rejected(self._clock())
        self._held.append(attempt)
        if self._breaker.open and not was_open:
            self._report.opened(reason)
        if not self._judging:
            self._judging = True
            self._tasks.run(self._judge())

    async def _judge(self) -> None:
        """Decide about held documents until none is left."""
        try:
            while self._held or self._parked:
                await self._step()
        finally:
            self._judging = False

    async def _step(self) -> None:
        now = self._clock()
        if self._breaker.open:
            if self._breaker.probe_due(now):
                await self._ask()
            else:
                await asyncio.sleep(min(1.0, self._breaker.probe_wait_s(now)))
            return
        due = [
            each
            for each in self._held
            if each.rejected_at is not None and self._breaker.window_closed(each.rejected_at, now)
        ]
        if not due:
            await asyncio.sleep(min(_LOOK_S, self._breaker.thresholds.window_s))
        elif self._breaker.known_sound(now):
            self._held = [attempt for attempt in self._held if attempt not in due]
            self._once_more(due)
        else:
            await self._ask()

    def _once_more(self, attempts: list[Attempt]) -> None:
        """Send them a last time: the answer of an index that is known to be sound is the reason that is stored."""
        for attempt in attempts:
            attempt.judged = True
        self._retries.again(attempts)

    async def _ask(self) -> None:
        decided, answer = await self._probe.ask()
        now = self._clock()
        was_open = self._breaker.open
        if decided in (Verdict.APPLIED, Verdict.SUPERSEDED, Verdict.IGNORED):
            self._breaker.probe_accepted(now)
            if was_open:
                self._closed()
        elif decided is Verdict.REJECTED:
            self._breaker.probe_rejected(now)
            if not was_open:
                self._report.opened(public_reason(answer))
        else:
            self._breaker.probe_failed(now)
            await asyncio.sleep(_SILENCE_S)

    def _closed(self) -> None:
        held, parked = self._held, self._parked
        self._report.closed(held=len(held), parked=len(parked))
        self._held, self._parked = [], []
        self._once_more(held)
        self._retries.again(parked)
