"""
Sends what `outbox` hands out, as many requests at a time as `endpoint` allows, and passes on each answer.

Rules:
1. A write ends only when the index has it (or a newer one), or its record is stored in the dead letters.
2. Nothing is sent while the endpoint is silent (`outage`) or the breaker of its table is open.
3. A rejected document is judged by its breaker, never by one answer alone.
4. While what answers is not Vespa, no document is sent: a probe asks, until Vespa answers it.

Leaves to others: order (`write_order`), what to send (`outbox`), what an answer asks for (`results`).

Keeps: V10.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from cdc_runtime.consuming.tasks import Tasks
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import Answer, Verdict, probed, verdict
from vespa_sink.vespa.operations import Operation
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.endpoint import Endpoint
from vespa_sink.writes.outbox import Outbox
from vespa_sink.writes.results import Results


class Sender(Protocol):
    """Who carries operations out."""

    async def send(self, operation: Operation) -> Answer:
        """Carry one out once; never raises for what the network or the server does."""


class Writer:
    """Lives in one event loop; every method is called from it."""

    def __init__(
        self,
        sender: Sender,
        outbox: Outbox,
        endpoint: Endpoint,
        results: Results,
        *,
        probe: Operation,
        tasks: Tasks,
        metrics: SinkMetrics,
    ) -> None:
        self._sender = sender
        self._outbox = outbox
        self._endpoint = endpoint
        self._results = results
        self._probe = probe
        self._tasks = tasks
        self._metrics = metrics
        self._wake: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._clock: Callable[[], float] = time.monotonic

    @property
    def hopeless(self) -> bool:
        """Whether waiting for writes is in vain for now."""
        return self._endpoint.lasting_outage or self._outbox.held_up

    def pump(self) -> None:
        """Send what may be sent now; cheap when there is nothing."""
        while self._endpoint.allows(now := self._clock()):
            if self._endpoint.is_foreign:
                self._endpoint.sent(now)
                self._tasks.run(self._ask(now))
                return
            attempt = self._outbox.take()
            if attempt is None:
                return
            attempt.sent_at = now
            self._endpoint.sent(now)
            self._tasks.run(self._send(attempt))
        self._pump_later(now)

    async def _send(self, attempt: Attempt) -> None:
        operation = attempt.operation
        assert operation is not None
        try:
            answer = await self._sender.send(operation)
        finally:
            self._endpoint.ended()
        now = self._clock()
        self._metrics.request(operation.action, answer.status, now - attempt.sent_at)
        self._results.take(attempt, operation, answer, now)
        self.pump()

    async def _ask(self, sent_at: float) -> None:
        """Find out whether it is Vespa again that answers; what it thinks of the probe's document is not asked here."""
        try:
            answer = probed(await self._sender.send(self._probe))
        finally:
            self._endpoint.ended()
        if verdict(answer) in (Verdict.RETRY, Verdict.FOREIGN):
            self._endpoint.failed(answer, sent_at, self._clock())
        else:
            self._endpoint.answered()
        self.pump()

    def _pump_later(self, now: float) -> None:
        """In an outage there may be no answer that would call `pump`."""
        pause_s = self._endpoint.pause_s(now)
        if self._wake is None and pause_s is not None:
            self._wake = self._loop.call_later(pause_s + 0.001, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self.pump()
