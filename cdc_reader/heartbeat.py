"""
What a session does now and then, in side workers: heartbeats, forgetting visible xids, comparing definitions.

A heartbeat is a transactional message of ours: it comes back as a transaction, so an idle slot moves like any other
(rule P3), and the last transaction is never old (rule P4). Where none may be written, `own_messages` says what then.

Keeps: P3, S1, D1.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from cdc_reader.discovery.definition_changes import Comparison, Definitions
from cdc_reader.postgres.visible_reads import current_snapshot
from cdc_reader.postgres.wal_messages import emit_message, forbidden_messages
from cdc_reader.postgres.workers import SideWork, Worker
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.settings import ReaderSettings
from schemas.errors import RowferryError, TransientError

logger = structlog.get_logger(__name__)


class Heartbeat:
    """For the stream's thread. `due` (monotonic seconds) is the next time; `difference` what changed, once it did.

    `follow` is told of what changed without making a difference; `messages_told` hears which functions that write
    messages are forbidden, with every heartbeat.
    """

    def __init__(
        self,
        settings: ReaderSettings,
        side: SideWork,
        definitions: Definitions,
        unseen: UnseenTransactions,
        *,
        follow: Callable[[Comparison], None],
        messages_told: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._message = f"{settings.source}:heartbeat"
        self._interval_s = settings.heartbeat_interval_s
        self._side = side
        self._definitions = definitions
        self._unseen = unseen
        self._messages_told = messages_told
        self._follow = follow
        self._comparing = False
        self.due = 0.0
        self.difference: str | None = None

    def poll(self, now: float) -> bool:
        """Do what is due, and tell whether anything was; `now` in monotonic seconds."""
        if now < self.due:
            return False
        self.due = now + self._interval_s
        self._side.submit(self._beat, self._messages_told, self._failed, alone=True)
        self._side.submit(lambda worker: current_snapshot(worker.connection), self._unseen.seen_by, self._failed)
        self.compare_definitions()
        return True

    def _beat(self, worker: Worker) -> tuple[str, ...]:
        """Write the message, where that is allowed; what is forbidden."""
        forbidden = forbidden_messages(worker.connection)
        if not forbidden:
            emit_message(worker.connection, self._message)
        return forbidden

    @property
    def comparing(self) -> bool:
        """Whether definitions are being compared."""
        return self._comparing

    def compare_definitions(self) -> None:
        """Read the definitions again; what differs is in `difference` later (rule D1)."""
        if not self._comparing:  # a table that is locked must not tie up one worker after the other
            self._comparing = True
            self._side.submit(self._definitions.changes, self._compared, self._not_compared)

    def _compared(self, found: Comparison) -> None:
        self._comparing = False
        if self.difference is None:
            self.difference = found.difference
            self._follow(found)

    def _not_compared(self, exc: TransientError) -> None:
        self._comparing = False
        self._failed(exc)

    def _failed(self, exc: RowferryError) -> None:
        logger.warning("side_work_failed", reason=str(exc))
