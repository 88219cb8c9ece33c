"""
What a session does now and then, in side workers: heartbeats, forgetting visible xids, comparing definitions.

A heartbeat is a transactional message of ours: it comes back as a transaction, so an idle slot moves like any other
(rule P3), and the last transaction is never old (rule P4).

Keeps: P3, S1, D1.
"""

from __future__ import annotations

import structlog

from cdc_reader.discovery.definition_changes import Definitions
from cdc_reader.postgres.visible_reads import current_snapshot
from cdc_reader.postgres.wal_messages import emit_message
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.settings import ReaderSettings
from schemas.errors import TransientError

logger = structlog.get_logger(__name__)


class Heartbeat:
    """For the stream's thread. `due` (monotonic seconds) is the next time; `difference` what changed, once it did."""

    def __init__(
        self, settings: ReaderSettings, side: SideWork, definitions: Definitions, unseen: UnseenTransactions
    ) -> None:
        self._message = f"{settings.source}:heartbeat"
        self._interval_s = settings.heartbeat_interval_s
        self._side = side
        self._definitions = definitions
        self._unseen = unseen
        self._comparing = False
        self.due = 0.0
        self.difference: str | None = None

    def poll(self, now: float) -> bool:
        """Do what is due, and tell whether anything was; `now` in monotonic seconds."""
        if now < self.due:
            return False
        self.due = now + self._interval_s
        self._side.submit(lambda worker: emit_message(worker.connection, self._message), lambda _: None, self._failed)
        unseen = self._unseen.current()
        self._side.submit(
            lambda worker: current_snapshot(worker.connection),
            lambda snapshot: self._unseen.seen(unseen - snapshot.unseen(unseen)),
            self._failed,
        )
        self.compare_definitions()
        return True

    def compare_definitions(self) -> None:
        """Read the definitions again; what differs is in `difference` later (rule D1)."""
        if not self._comparing:  # a table that is locked must not tie up one worker after the other
            self._comparing = True
            self._side.submit(self._definitions.changes, self._compared, self._not_compared)

    def _compared(self, difference: str | None) -> None:
        self._comparing = False
        self.difference = self.difference or difference

    def _not_compared(self, exc: TransientError) -> None:
        self._comparing = False
        self._failed(exc)

    def _failed(self, exc: TransientError) -> None:
        logger.warning("side_work_failed", reason=str(exc))
