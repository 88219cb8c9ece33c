"""
The position: how far the source is published, and in which order that becomes durable.

Kafka commits events and position together; only then is the position confirmed to the slot (rule P3). A source
transaction that is too large for one Kafka transaction is cut, and the position says how much of it is done
(rule P6); it also carries the greatest LSN that a read beside the stream may have seen (rule V6), and the
transactions that such a read must see (rule S1).

Keeps: P3, P6, V6, S1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from cdc_reader.progress.versions import Versions
from cdc_reader.settings import CommitSettings
from schemas.offsets import OpenTransaction, Position, TransactionMark, Unseen

_OPEN_TOO_LONG_S = 5.0  # a transaction whose rest does not come: what is there is committed


class Reached(Protocol):
    """Where in the stream we are (`transactions.Transactions`)."""

    last: TransactionMark | None

    @property
    def inside(self) -> bool:
        """Whether a source transaction is open."""

    def opened(self) -> OpenTransaction | None:
        """The part of the open transaction that is done."""

    def unseen(self) -> Unseen:
        """What was delivered, and no snapshot is known to see yet (rule S1)."""


class KafkaTransaction(Protocol):
    """The open Kafka transaction, as it is committed (`publisher.Publisher`)."""

    rows: int
    size: int

    @property
    def dirty(self) -> bool:
        """Whether something waits for a commit."""

    def age_s(self) -> float:
        """How long it has been open; 0 when none is."""

    def commit(self, position: Position) -> float:
        """Commit it with this position; returns once it is durable, and how many seconds that took."""


class ConfirmedSlot(Protocol):
    """Whom the position is confirmed to (`replication.ReplicationStream`)."""

    def confirm(self, lsn: int) -> None:
        """All before `lsn` is durable."""


class CommitObserver(Protocol):
    """Who is told of commits (`metrics.ReaderMetrics`)."""

    def committed(self, position: Position, rows: int, transactions: int, seconds: float) -> None:
        """A Kafka transaction with so many rows was committed; so many source transactions are whole since the last."""


class Checkpoint:
    """The position of one session. `before` adds what is still to go into a transaction that is committed."""

    def __init__(
        self,
        position: Position,
        *,
        reached: Reached,
        versions: Versions,
        kafka: KafkaTransaction,
        slot: ConfirmedSlot,
        limits: CommitSettings,
        observer: CommitObserver,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._position = position
        self._reached = reached
        self._versions = versions
        self._kafka = kafka
        self._slot = slot
        self._limits = limits
        self._observer = observer
        self._before = before
        self._whole = 0  # source transactions since the last commit

    @property
    def position(self) -> Position:
        """The position last committed, but for what was seen since."""
        return self._position

    def seen(self, lsn: int) -> None:
        """A read beside the stream may have seen the log up to `lsn`: the server must know it for ever (rule V6)."""
        self._position = replace(self._position, seen_lsn=max(self._position.seen_lsn, lsn))

    def transaction_done(self) -> None:
        """A source transaction is whole: commit where the limits are near."""
        self._whole += 1
        kafka, limits = self._kafka, self._limits
        full = kafka.rows * 2 >= limits.max_rows or kafka.size * 2 >= limits.max_bytes
        if full or (kafka.rows and kafka.age_s() >= limits.max_wait_s):
            self.commit()

    def batch_done(self, *, more: bool) -> None:
        """Nothing of what was read is left; `more`: the slot has more to read."""
        if not self._reached.inside:
            if not more:
                self.commit()
        elif self._kafka.rows and self._kafka.age_s() > _OPEN_TOO_LONG_S:
            self.commit()

    def commit(self) -> None:
        """Commit what is there with the position it reaches, then confirm that position."""
        self._before()
        if self._whole or self._kafka.dirty:
            self._commit()

    def idle(self, lsn: int) -> None:
        """Nothing is open, and all before `lsn` was received: that is as far as we are (rule P3).

        Only for where no message of ours may be written: what is behind the last transaction cannot be proved (P4).
        """
        end = self._reached.last.end_lsn if self._reached.last else 0
        if lsn >= end and lsn > self._position.restart_lsn:
            self._before()
            self._position = replace(self._position, idle_lsn=lsn)
            self._commit()

    def _commit(self) -> None:
        self._position = replace(
            self._position,
            version=self._versions.last,
            last=self._reached.last,
            open=self._reached.opened(),
            unseen=self._reached.unseen(),
        )
        rows = self._kafka.rows
        seconds = self._kafka.commit(self._position)
        self._slot.confirm(self._position.restart_lsn)
        self._observer.committed(self._position, rows, self._whole, seconds)
        self._whole = 0
