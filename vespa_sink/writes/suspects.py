"""
Whether it is one document that is answered badly each time, or every one.

A document that a component trips over (500), or that a proxy does not pass on, fails for ever while all others are
written. The probe of its type tells: while that is answered as it should be, the trouble is the document's own. It is
named, stands aside, and is given up over time, as one that is refused (`rejections`). Else it is an outage; and what
stops the service (a right that is missing) stops it only where the probe is answered so too.

What says that too little of Vespa is there (503, 504, 507, 429, no answer) may be so for a part of the documents, which
the probe need not be in. So it is a document's own only while no more than a few are answered so; and where a probe in
its place is not answered either, it is given up only after many others have passed. Of a part that is away nothing is
given up, and what lies elsewhere goes on.

Keeps: V15.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from cdc_runtime.consuming.tasks import Tasks
from vespa_sink.vespa.answers import NOT_NOW, Answer, Verdict, says_too_little, verdict
from vespa_sink.vespa.operations import Operation
from vespa_sink.vespa.probes import Probe
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.endpoint import Endpoint
from vespa_sink.writes.rejections import Rejections
from vespa_sink.writes.retries import Retries

_PATIENCE = 4  # tries before; what passes by itself is over by then
_THROTTLED_PATIENCE = 30  # these come once a second, and are ordinary
_FEW = 10
_REMEMBERED_S = 60.0  # each is tried again within 20 s
_ASK_S = 1.0  # a probe's answer speaks for so long for all that ask meanwhile


class Suspects:
    """Lives in the event loop; `probes` and `rejections` by document type."""

    def __init__(
        self,
        endpoint: Endpoint,
        probes: Mapping[str, Probe],
        rejections: Mapping[str, Rejections],
        retries: Retries,
        *,
        tasks: Tasks,
    ) -> None:
        self._endpoint = endpoint
        self._probes = probes
        self._rejections = rejections
        self._retries = retries
        self._tasks = tasks
        self._lacking: dict[Attempt, float] = {}  # for which too little of Vespa was there lately
        self._forgotten_at = float("-inf")
        self._look: asyncio.TimerHandle | None = None
        self._asking = {document_type: asyncio.Lock() for document_type in probes}
        self._asked: dict[str, tuple[float, Verdict]] = {}
        self._clock: Callable[[], float] = time.monotonic

    def suspected(self, attempt: Attempt, answer: Answer) -> bool:
        """Whether it is time to ask if the trouble is the document's own."""
        if says_too_little(answer):
            self._note(attempt)
        if verdict(answer) is Verdict.THROTTLED:
            return not self._many and (attempt.tries >= _THROTTLED_PATIENCE or bool(attempt.failing))
        many = says_too_little(answer) and self._many
        return many or attempt.tries >= _PATIENCE or attempt.refused_at is not None

    def judge(self, attempt: Attempt, operation: Operation, answer: Answer) -> None:
        """Take over an attempt that was answered so. The service ends where no document will do."""
        self._tasks.run(self._judge(attempt, operation, answer))

    def not_now(self, attempt: Attempt, answer: Answer, now: float) -> None:
        """Send an attempt again that others are answered like."""
        decided = verdict(answer)
        if decided is Verdict.THROTTLED:
            self._endpoint.answered()
            self._endpoint.throttled()
            if self._many and attempt.tries >= _THROTTLED_PATIENCE:
                self._a_part_is_away(answer)
        elif decided is not Verdict.STOP:
            self._endpoint.failed(answer, attempt.sent_at, now)
        self._retries.later(attempt, answer)

    async def _judge(self, attempt: Attempt, operation: Operation, answer: Answer) -> None:
        document, of_a_part = operation.document, says_too_little(answer)
        if await self._ask(document.type, again=not (of_a_part and self._many)) in NOT_NOW:
            self.not_now(attempt, answer, self._clock())
            return
        if of_a_part and not self._many:
            attempt.apart = not await self._probes[document.type].answered_in_place_of(document)
        self._endpoint.answered()
        if of_a_part and self._many:
            self._a_part_is_away(answer)
            self._retries.later(attempt, answer)
        else:
            self._rejections[document.type].fail(attempt, answer)

    async def _ask(self, document_type: str, *, again: bool) -> Verdict:
        """What the probe is answered; `again`: now, not a moment ago."""
        async with self._asking[document_type]:
            asked_at, decided = self._asked.get(document_type, (float("-inf"), Verdict.RETRY))
            if again or self._clock() - asked_at >= _ASK_S:
                decided, _ = await self._probes[document_type].ask()
                self._asked[document_type] = self._clock(), decided
        return decided

    @property
    def _many(self) -> bool:
        """Whether there are more than one may take for the faults of documents."""
        return len(self._lacking) > _FEW

    def _note(self, attempt: Attempt) -> None:
        now = self._clock()
        self._lacking[attempt] = now
        if self._many and now - self._forgotten_at >= _ASK_S:
            self._forget(now)

    def _forget(self, now: float) -> None:
        self._forgotten_at = now
        self._lacking = {each: at for each, at in self._lacking.items() if now - at < _REMEMBERED_S}

    def _a_part_is_away(self, answer: Answer) -> None:
        if self._look is None:
            self._endpoint.lacks_a_part(answer)
            self._look_later()

    def _look_later(self) -> None:
        self._look = asyncio.get_running_loop().call_later(_REMEMBERED_S, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        self._forget(self._clock())
        if self._many:
            self._look_later()
        else:
            self._endpoint.is_whole()
