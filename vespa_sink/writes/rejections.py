"""
What becomes of the rejected documents of one document type: held, sent again, or given up.

Carries out what `breaker` and `held` decide, with the probe that tells a faulty document from a faulty index. A held
document stands aside in the order of writes: a newer one of its key takes its place, no floor waits for it, and what
comes behind it in its partition goes on; only the position waits. What stands in for a row that was given up is held
likewise, for what is left of the row's time; neither its being taken nor its refusal says anything of other rows.

A document that fails each time while others pass (`suspects`) is held and given up likewise, and named meanwhile.

Keeps: P8, V13, V15.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from cdc_runtime.consuming.tasks import Tasks
from schemas.errors import RecordError
from vespa_sink.completion import Completion
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.topics import TopicType
from vespa_sink.vespa.answers import Answer, Refusal, Verdict, refusal
from vespa_sink.vespa.field_questions import FieldQuestions
from vespa_sink.vespa.operations import Action, Operation
from vespa_sink.vespa.probes import Probe
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.breaker import Breaker, RefusedAt
from vespa_sink.writes.breaker_report import BreakerReport
from vespa_sink.writes.held import Held
from vespa_sink.writes.retries import Retries
from vespa_sink.writes.stand_ins import StandIns
from vespa_sink.writes.write_order import WriteOrder

_log = structlog.get_logger(__name__)
_ASK_AGAIN_S = 1.0
_LOOK_S = 0.1  # how often held documents are looked at; only while there are any
_TRIED_AT_ONCE = 100  # new documents of an open table; a row of bad ones must not look like an index that takes none
_HELD_TRIED_AT_ONCE = 10
# Of an index of which a twentieth is away so many pass in a row six times in a thousand.
_OTHERS_OF_ALL_PARTS = 100


class Rejections:
    """Lives in the event loop."""

    def __init__(
        self,
        breaker: Breaker,
        held: Held,
        probe: Probe,
        questions: FieldQuestions,
        report: BreakerReport,
        *,
        order: WriteOrder[SinkPartition, Any],
        retries: Retries,
        completion: Completion,
        stand_ins: StandIns,
        tasks: Tasks,
    ) -> None:
        self._breaker = breaker
        self._held = held
        self._probe = probe
        self._questions = questions
        self._report = report
        self._order = order
        self._retries = retries
        self._completion = completion
        self._stand_ins = stand_ins
        self._tasks = tasks
        self._parked: dict[TopicType, list[Attempt]] = {}
        self._reason = ""
        self._judging = False
        self._failing: set[Attempt] = set()
        self._clock: Callable[[], float] = time.monotonic

    @property
    def holds_up(self) -> bool:
        """Whether new documents of this type wait."""
        return bool(self._parked)

    def keeps_back(self, attempt: Attempt) -> bool:
        """Whether an attempt may not be sent now; it is parked then."""
        waits = self._breaker.is_open(attempt.table) or (self._held.full and attempt.refused_at is None)
        if not waits or attempt.trial:
            return False
        self._parked.setdefault(attempt.table, []).append(attempt)
        self._judge_soon()
        return True

    def accepted(self, attempt: Attempt, operation: Operation) -> None:
        """Vespa has taken a document, or has a newer one. A delete or a stand-in has no field that it may lack."""
        if operation.action is Action.PUT and not attempt.stands_in:
            self._breaker.accepted(attempt.table)
        if attempt.refused_at is not None:
            self.left(attempt)
        if self._report.is_open:
            self._release()
            self._tell()

    def left(self, attempt: Attempt) -> None:
        """An attempt needs nothing more."""
        if attempt.refused_at is not None:
            if not attempt.stands_in:
                self._breaker.left(attempt.table, attempt.refused_at)
            self._held.ended(attempt)
            self._failing.discard(attempt)

    def fail(self, attempt: Attempt, answer: Answer) -> None:
        """An attempt was answered so again, and it alone."""
        first, attempt.failing = not attempt.failing, answer.found
        self._failing.add(attempt)
        if first:
            self._report.fails(attempt.write.document, answer.found)
        self._not_taken(attempt, Refusal(answer.found))

    def reject(self, attempt: Attempt, refused: Refusal) -> None:
        """Vespa has rejected the document of an attempt."""
        attempt.failing, attempt.apart = "", False
        self._failing.discard(attempt)
        self._not_taken(attempt, refused)

    def _not_taken(self, attempt: Attempt, refused: Refusal) -> None:
        now, table = self._clock(), attempt.table
        attempt.tries += 1
        attempt.refusals += 1
        attempt.trial = False
        self._reason = refused.text
        refused_at = attempt.refused_at = attempt.refused_at or self._first_refusal(attempt, now)
        too_many = self._held.too_many(attempt) and not self._breaker.is_open(table) and not attempt.apart
        if too_many or self._final(attempt, refused_at, now):
            self._give_up(attempt, refused, too_many=too_many)
        elif needless := self._order.set_aside(attempt.write):
            self.left(attempt)
            self._completion.needless(needless)
        else:
            if attempt.operation is not None and attempt.operation.action is Action.PUT:
                attempt.operation = None  # made again when it is sent
            self._held.hold(attempt, now)
        self._tell()
        self._judge_soon()

    def _first_refusal(self, attempt: Attempt, now: float) -> RefusedAt:
        return RefusedAt(now, 0) if attempt.stands_in else self._breaker.refused(attempt.table, now)

    def _final(self, attempt: Attempt, refused_at: RefusedAt, now: float) -> bool:
        if attempt.stands_in:
            return self._breaker.is_over(attempt.table, refused_at, now)
        others = _OTHERS_OF_ALL_PARTS if attempt.apart else 1
        return self._breaker.final(attempt.table, refused_at, now, others=others)

    def _give_up(self, attempt: Attempt, refused: Refusal, *, too_many: bool) -> None:
        self.left(attempt)
        early = f", before its time: {len(self._held)} wait to be sent again" if too_many else ""
        if too_many:
            self._report.overflowed(len(self._held))
        if attempt.failing:
            error = RecordError(f"expected Vespa to take the document, got each time {attempt.failing}{early}")
            self._stand_ins.give_up(attempt, error, refused=True)
        else:
            self._tasks.run(self._refused(attempt, refused, early))

    async def _refused(self, attempt: Attempt, refused: Refusal, early: str) -> None:
        """Say in the dead letter whether the index lacks the field: then the row is read again once it has it."""
        lacking: bool | None = False if attempt.stands_in else None
        while lacking is None and not attempt.write.partition.dropped:
            lacking = await self._questions.lacks(self._probe.document_type, refused.field)
            if lacking is None:
                await asyncio.sleep(_ASK_AGAIN_S)
        words = f"{refused.text}, which the index lacks" if lacking else refused.text
        error = RecordError(f"expected Vespa to take the document, got a rejection: {words}{early}")
        self._stand_ins.give_up(attempt, error, refused=True, lacks=refused.field if lacking else None)

    def _judge_soon(self) -> None:
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
            self._tell()

    async def _step(self) -> None:
        now = self._clock()
        if self._breaker.probe_due(now):
            await self._ask()
            now = self._clock()
        for table in self._breaker.to_try(now):
            self._breaker.tried(table, now)
            self._try(table)
        self._send(self._held.due(now, self._breaker.is_open))
        self._release()
        self._tell()
        await asyncio.sleep(_LOOK_S)

    def _try(self, table: TopicType) -> None:
        """Send some documents of an open table: new ones, as long as there is room to hold them, and held ones."""
        parked = self._parked.get(table, [])[:_TRIED_AT_ONCE] if self._held.has_room else []
        if parked:
            del self._parked[table][: len(parked)]
        held = self._held.some_of(table, _HELD_TRIED_AT_ONCE)
        for attempt in (*parked, *held):
            attempt.trial = True
        self._retries.again(parked)
        self._send(held)

    def _send(self, attempts: list[Attempt]) -> None:
        """Send held documents again, but those whose place a newer one has taken, or that a floor has ended."""
        back = []
        for attempt in attempts:
            if self._order.take_back(attempt.write):
                back.append(attempt)
            else:
                self.left(attempt)
        if back:
            self._retries.again(back)

    def _release(self) -> None:
        """Send what waits of tables that are not open any more."""
        if self._held.full:
            return
        for table in [each for each in self._parked if not self._breaker.is_open(each)]:
            self._retries.again(self._parked.pop(table))
        for table in [each for each, parked in self._parked.items() if not parked]:
            del self._parked[table]

    def _tell(self) -> None:
        parked = sum(len(each) for each in self._parked.values())
        self._report.failing({each.write.document: each.failing for each in self._failing})
        self._report.now(list(self._breaker.open_tables()), self._reason, held=len(self._held), parked=parked)

    async def _ask(self) -> None:
        decided, answer = await self._probe.ask()
        now = self._clock()
        if decided in (Verdict.SUPERSEDED, Verdict.IGNORED):
            self._breaker.probe_accepted(now)
            self._held.hurry(now)
        elif decided is Verdict.REJECTED:
            self._reason = refusal(answer).text
            self._breaker.probe_refused(now)
        else:
            self._breaker.probe_failed(now)
