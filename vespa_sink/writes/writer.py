"""
Carries writes out: what `write_order` hands out is sent, what `answers` decides about each answer is done.

Rules:
1. A write ends only when the index has it (or a newer one), or its record is stored in the dead letters.
2. Nothing is sent while the endpoint is silent (`outage`) or the breaker of its document type is open.
3. A rejected document is judged by its breaker, never by one answer alone.

Leaves to others: order (`write_order`), what to send (`composer`), rejected documents (`rejections`), offsets.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Delays
from cdc_runtime.subjects import VESPA
from cdc_runtime.throttle import Throttle
from schemas.errors import RecordError
from vespa_sink.intake.partitions import AssignedPartition
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.answers import (
    Answer,
    Verdict,
    may_apply_later,
    must_be_removed,
    public_reason,
    stop_error,
    verdict,
)
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.operations import Action, Limits, Operation, remove_forgotten
from vespa_sink.writes.attempts import Attempt, Owner, RowWrite
from vespa_sink.writes.breaker import Breaker
from vespa_sink.writes.composer import Composer, committed_at_s
from vespa_sink.writes.outage import FULL_DELAYS, THROTTLED_DELAYS, Outage
from vespa_sink.writes.rejections import Rejections
from vespa_sink.writes.write_order import WriteOrder

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a writer works with."""

    client: VespaClient
    order: WriteOrder[AssignedPartition, Any]
    composer: Composer
    throttle: Throttle
    metrics: SinkMetrics
    limits: Limits


class Writer:
    """Lives in one event loop; every method is called from it."""

    def __init__(self, means: Means, owner: Owner, breakers: Iterable[tuple[Breaker, Operation]]) -> None:
        self._client = means.client
        self._order = means.order
        self._composer = means.composer
        self._throttle = means.throttle
        self._metrics = means.metrics
        self._limits = means.limits
        self._owner = owner
        self._outage = Outage(random.random)
        self._again: deque[Attempt] = deque()
        self._rejections = {
            probe.document.type: Rejections(breaker, probe, self, owner=owner, client=means.client)
            for breaker, probe in breakers
        }
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._wake: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._clock: Callable[[], float] = time.monotonic

    def pump(self) -> None:
        """Send what may be sent now; cheap when there is nothing."""
        while self._in_flight < self._throttle.limit:
            if not self._outage.allowed(self._in_flight, self._clock()):
                self._wake_later()
                return
            attempt = self._next()
            if attempt is None:
                return
            self._start(attempt)

    def again(self, attempts: Iterable[Attempt]) -> None:
        """Send these before anything new."""
        self._again.extend(attempts)
        self.pump()

    def ended(self, write: RowWrite) -> None:
        """The owner has stored a write that it was told to give up."""
        self._finish(write)
        self.pump()

    @property
    def hopeless(self) -> bool:
        """Whether waiting for writes is in vain for now."""
        return self._outage.lasting or any(each.paused for each in self._rejections.values())

    async def close(self) -> None:
        """Send nothing more; what is on its way ends without consequence."""
        if self._wake is not None:
            self._wake.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- sending

    def _next(self) -> Attempt | None:
        while True:
            if self._again:
                attempt = self._again.popleft()
            else:
                write = self._order.take()
                if write is None:
                    return None
                attempt = Attempt(write)
            if attempt.write.partition.dropped:
                self._order.done(attempt.write)
            elif attempt.tries and self._order.newer_waits(attempt.write):
                self._metrics.collapsed.inc()
                self._finish(attempt.write)
            elif self._ready(attempt):
                return attempt

    def _ready(self, attempt: Attempt) -> bool:
        """Whether the attempt can be sent now; it is parked, or given up, when not."""
        operation = attempt.operation
        if operation is None or operation.action is Action.DELETE:  # a delete carries the time of its writing
            try:
                composed = self._composer.compose(
                    attempt.write.partition.topic_type, attempt.write.content, int(time.time() * 1000)
                )
            except RecordError as exc:
                self._owner.give_up(attempt.write, exc)
                return False
            operation = attempt.operation = composed.operation
            if composed.replaced:
                self._metrics.replaced_text.inc(composed.replaced)
        rejections = self._rejections[operation.document.type]
        if rejections.paused:
            rejections.park(attempt)
            return False
        return True

    def _start(self, attempt: Attempt) -> None:
        self._in_flight += 1
        self.run(self._send(attempt))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that ends with this writer; what it lets out stops the service."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._owner.failed(error)

    async def _send(self, attempt: Attempt) -> None:
        assert attempt.operation is not None
        attempt.sent_at = self._clock()
        self._throttle.sent(attempt.sent_at)
        self._metrics.in_flight.set(self._in_flight)
        self._metrics.in_flight_limit.set(self._throttle.limit)
        try:
            answer = await self._client.send(attempt.operation)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)
        self._metrics.request(attempt.operation.action, answer.status, self._clock() - attempt.sent_at)
        self._answered(attempt, attempt.operation, answer)
        self.pump()

    # -- answers

    def _answered(self, attempt: Attempt, operation: Operation, answer: Answer) -> None:
        decided = verdict(answer)
        if decided is Verdict.RETRY:
            self._try_again(attempt, answer)
            return
        if self._outage.lasting:
            self._owner.health(VESPA, None)
        self._outage.answered()
        if decided is Verdict.THROTTLED:
            self._throttle.throttled(self._in_flight)
            self._later(attempt, answer, delays=THROTTLED_DELAYS)
        elif decided is Verdict.REJECTED:
            self._metrics.operation(operation.document.type, operation.action, decided.value)
            self._rejections[operation.document.type].reject(attempt, public_reason(answer))
        elif decided is Verdict.STOP:
            self._owner.failed(stop_error(answer, self._client.url))
        else:
            self._throttle.succeeded()
            self._rejections[operation.document.type].breaker.accepted()
            self._accepted(attempt, operation, answer, decided)

    def _accepted(self, attempt: Attempt, operation: Operation, answer: Answer, decided: Verdict) -> None:
        document_type = operation.document.type
        self._metrics.operation(document_type, operation.action, decided.value)
        if answer.ignored_fields:
            self._metrics.ignored_fields(document_type)
        if must_be_removed(operation.action, decided):
            attempt.operation = remove_forgotten(operation.document, operation.version, self._limits)
            self._again.append(attempt)
            return
        if decided is Verdict.IGNORED:
            _log.warning("vespa ignored a write", document_type=document_type, operation=operation.action.value)
        if decided is Verdict.SUPERSEDED and operation.action is Action.PUT:
            self._owner.superseded(operation)
        if decided is Verdict.APPLIED:
            committed = committed_at_s(attempt.write.content)
            if committed is not None:
                self._metrics.end_to_end.observe(max(0.0, time.time() - committed))
        self._finish(attempt.write)

    def _try_again(self, attempt: Attempt, answer: Answer) -> None:
        now = self._clock()
        if may_apply_later(answer):
            attempt.write.partition.doubts.unanswered(now + self._client.longest_request_s)
        was_lasting = self._outage.lasting
        self._outage.failed(attempt.sent_at, now)
        if self._outage.lasting and not was_lasting:
            what = f"status {answer.status}" if answer.status else answer.message or "no answer"
            self._owner.health(VESPA, f"expected {self._client.url} to take writes, got {what}")
            _log.warning("vespa does not take writes", status=answer.status, reason=answer.message[:80] or None)
        self._later(attempt, answer)

    def _later(self, attempt: Attempt, answer: Answer, *, delays: Delays = NEIGHBOUR_DELAYS) -> None:
        attempt.tries += 1
        self._metrics.retry(answer.status)
        delay = delays.after_s(attempt.tries, random.random)
        if answer.status == 507:
            delay = max(delay, FULL_DELAYS.after_s(attempt.tries, random.random))
        self._loop.call_later(delay, self._back, attempt)

    def _back(self, attempt: Attempt) -> None:
        self.again([attempt])

    def _wake_later(self) -> None:
        if self._wake is None and self._in_flight == 0:
            self._wake = self._loop.call_later(self._outage.wait_s(self._clock()) + 0.001, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self.pump()

    def _finish(self, write: RowWrite) -> None:
        self._order.done(write)
        self._owner.settled(write)
