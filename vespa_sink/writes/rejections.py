"""
What becomes of the rejected documents of one document type: held, sent again, or given up.

Carries out what `breaker` decides, with the probe that tells a faulty document from a faulty index.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

import structlog

from cdc_runtime.subjects import document_type
from schemas.errors import RecordError
from vespa_sink.vespa.answers import Verdict, public_reason, stop_error, verdict
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.operations import Operation
from vespa_sink.writes.attempts import Attempt, Owner
from vespa_sink.writes.breaker import Breaker

_log = structlog.get_logger(__name__)
_LOOK_S = 0.1  # how often held documents are looked at; only while there are any
_SILENCE_S = 1.0  # between two probes that got no answer


class Sender(Protocol):
    """Who sends attempts, and runs tasks."""

    def again(self, attempts: Iterable[Attempt]) -> None:
        """Send these before anything new."""

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task."""


class Rejections:
    """Lives in the event loop of its sender."""

    def __init__(
        self, breaker: Breaker, probe: Operation, sender: Sender, *, owner: Owner, client: VespaClient
    ) -> None:
        self.breaker = breaker
        self._probe_operation = probe
        self._sender = sender
        self._owner = owner
        self._client = client
        self._name = probe.document.type
        self._held: list[Attempt] = []
        self._parked: list[Attempt] = []
        self._judging = False
        self._clock: Callable[[], float] = time.monotonic

    @property
    def paused(self) -> bool:
        """Whether nothing of this type may be sent."""
        return self.breaker.open

    def park(self, attempt: Attempt) -> None:
        """Keep an attempt until the breaker closes."""
        self._parked.append(attempt)

    def reject(self, attempt: Attempt, reason: str) -> None:
        """Vespa has rejected the document of an attempt."""
        attempt.tries += 1
        if attempt.judged and not self.breaker.open:
            self._owner.give_up(
                attempt.write, RecordError(f"expected Vespa to take the document, got a rejection: {reason}")
            )
            return
        was_open = self.breaker.open
        attempt.judged = False
        if attempt.rejected_at is None:
            attempt.rejected_at = self.breaker.rejected(self._clock())
        self._held.append(attempt)
        if self.breaker.open and not was_open:
            self._opened(reason)
        if not self._judging:
            self._judging = True
            self._sender.run(self._judge())

    async def _judge(self) -> None:
        """Decide about held documents until none is left."""
        try:
            while self._held or self._parked:
                await self._step()
        finally:
            self._judging = False

    async def _step(self) -> None:
        now = self._clock()
        if self.breaker.open:
            if self.breaker.probe_due(now):
                await self._probe()
            else:
                await asyncio.sleep(min(1.0, self.breaker.probe_wait_s(now)))
            return
        due = [
            each
            for each in self._held
            if each.rejected_at is not None and self.breaker.window_closed(each.rejected_at, now)
        ]
        if not due:
            await asyncio.sleep(min(_LOOK_S, self.breaker.thresholds.window_s))
        elif self.breaker.known_sound(now):
            self._held = [attempt for attempt in self._held if attempt not in due]
            self._once_more(due)
        else:
            await self._probe()

    def _once_more(self, attempts: list[Attempt]) -> None:
        """Send them a last time: the answer of an index that is known to be sound is the reason that is stored."""
        for attempt in attempts:
            attempt.judged = True
        self._sender.again(attempts)

    async def _probe(self) -> None:
        answer = await self._client.send(self._probe_operation)
        decided, now = verdict(answer), self._clock()
        was_open = self.breaker.open
        if decided in (Verdict.APPLIED, Verdict.SUPERSEDED, Verdict.IGNORED):
            self.breaker.probe_accepted(now)
            if was_open:
                self._closed()
        elif decided is Verdict.REJECTED:
            self.breaker.probe_rejected(now)
            if not was_open:
                self._opened(public_reason(answer))
        else:
            if decided is Verdict.STOP:
                self._owner.failed(stop_error(answer, self._client.url))
            self.breaker.probe_failed(now)
            await asyncio.sleep(_SILENCE_S)

    def _opened(self, reason: str) -> None:
        self._owner.health(
            document_type(self._name),
            f"expected documents to be accepted, got {reason}; compare the deployed application: vespa-sink check",
        )
        _log.error("breaker opened", document_type=self._name, reason=reason)

    def _closed(self) -> None:
        self._owner.health(document_type(self._name), None)
        _log.info("breaker closed", document_type=self._name, held=len(self._held), parked=len(self._parked))
        held, parked = self._held, self._parked
        self._held, self._parked = [], []
        self._once_more(held)
        self._sender.again(parked)
