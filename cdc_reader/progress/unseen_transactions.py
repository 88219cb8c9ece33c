"""
The transactions that the stream delivered and that no snapshot is known to see yet.

A commit reaches the stream before other sessions see it. Whoever reads beside the stream waits until its snapshot
sees all of these; one that a snapshot has seen is forgotten, since every later one sees it too. They are stored with
the position, since a new session delivers only the last transaction again, and reads beside the stream as well.

Keeps: S1.
"""

from __future__ import annotations

from collections.abc import Iterable

from cdc_reader.postgres.pg_snapshot import Snapshot
from schemas.offsets import Unseen

# More are stored as a range: every commit writes them, and 30,000 a second may be delivered between two snapshots.
LISTED = 32


class UnseenTransactions:
    """Their 64-bit xids, from `xids` on. `snapshot` tells what need not be waited for."""

    __slots__ = ("_delivered", "_last", "_snapshot", "_xids")

    def __init__(self, snapshot: Snapshot, xids: Iterable[int] = ()) -> None:
        self._snapshot = snapshot
        self._xids = snapshot.unseen(xids)
        self._last = max(self._xids, default=0)
        self._delivered: list[int] = []  # 32-bit xids that are looked at when somebody asks

    def add(self, xid: int) -> None:
        """A transaction with this 32-bit xid was delivered."""
        self._delivered.append(xid)

    def current(self) -> frozenset[int]:
        """Those that a read which begins now must see."""
        return frozenset(self._known())

    def seen(self, xids: Iterable[int]) -> None:
        """A snapshot sees these: nothing has to wait for them any more."""
        self._known().difference_update(xids)

    def seen_by(self, snapshot: Snapshot) -> None:
        """What this snapshot sees is not waited for any more, whenever it is delivered."""
        if snapshot.xmax >= self._snapshot.xmax:
            waiting = self._known()
            self._snapshot = snapshot
            self._xids = snapshot.unseen(waiting)
            self._last = max(self._xids, default=0)

    def to_store(self) -> Unseen:
        """What the position says of them: bounded, and never less than there is."""
        xids = self._known()
        if len(xids) <= LISTED:
            return Unseen(tuple(sorted(xids)))
        # Those below its xmax that the snapshot did not see were running: as many as there can be sessions.
        return Unseen(tuple(sorted(xids & self._snapshot.running)), (self._snapshot.xmax, self._last))

    def _known(self) -> set[int]:
        if self._delivered:
            delivered, self._delivered = self._delivered, []
            unseen = self._snapshot.unseen(delivered)
            self._xids |= unseen
            self._last = max(self._last, max(unseen, default=0))
        return self._xids


def still_unseen(stored: Unseen | None, snapshot: Snapshot) -> frozenset[int]:
    """Which transactions of earlier sessions a new one waits for; without a record (None), for all that run.

    Everything that earlier sessions delivered must lie below the `xmax` of the snapshot. A transaction of the range
    that was not delivered yet is waited for too: nothing tells it from one that was, and it ends.
    """
    if stored is None:
        return snapshot.running
    first, last = stored.between or (1, 0)
    return frozenset(xid for xid in snapshot.running if xid in stored.xids or first <= xid <= last)
