"""
The transactions that the stream delivered and that no snapshot is known to see yet.

A commit reaches the stream before other sessions see it. Whoever reads beside the stream waits until its snapshot
sees all of these; one that a snapshot has seen is forgotten, since every later one sees it too.

Keeps: S1.
"""

from __future__ import annotations

from collections.abc import Iterable


class UnseenTransactions:
    """The 32-bit xids of those transactions."""

    __slots__ = ("_xids",)

    def __init__(self, xids: Iterable[int] = ()) -> None:
        self._xids = set(xids)

    def add(self, xid: int) -> None:
        """A transaction was delivered."""
        self._xids.add(xid)

    def current(self) -> frozenset[int]:
        """Those that a read which begins now must see."""
        return frozenset(self._xids)

    def seen(self, xids: Iterable[int]) -> None:
        """A snapshot sees these: nothing has to wait for them any more."""
        self._xids.difference_update(xids)
