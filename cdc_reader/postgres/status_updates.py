"""
What the walsender is told, and when: status updates with what is confirmed, and answers to its keepalives.

* What is confirmed is set by `confirm` alone and never moves back.
* An answer to a keepalive that asks for a reply confirms nothing: its `flush` is 0, its `write` the keepalive's WAL
  end. A server that shuts down waits until `flush`, or `write` where `flush` is 0, is all that it sent (`WalSndDone`
  in walsender.c). What is confirmed stays one transaction behind (decision 0007): with it the server would never end.
* An answer hides what is confirmed from the server's view, not from the slot; a status update follows within a second.
* Such a server asks again as soon as it has an answer, so there is a gap between answers.

Messages: https://www.postgresql.org/docs/current/protocol-replication.html

Keeps: P3, P13.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from schemas.errors import ProtocolError

_STATUS = struct.Struct("!cQQQQB")
_KEEPALIVE_BYTES = 18
_MIN_GAP_S = 0.1  # a status per Kafka commit would be hundreds a second; so would be answers
_EPOCH_US = 946_684_800_000_000  # 2000-01-01, where PostgreSQL counts from


class StatusUpdates:
    """The messages to one walsender. `clock` is monotonic, in seconds; `now_us` counts from the Unix epoch.

    For one thread at a time, but `confirm`.
    """

    def __init__(self, at: int, *, interval_s: float, clock: Callable[[], float], now_us: Callable[[], int]) -> None:
        self._confirmed = at
        self._told = 0  # the flush of the last message; 0 is that of an answer
        self._interval_s, self._clock, self._now_us = interval_s, clock, now_us
        self._sent_at = self._answered_at = float("-inf")
        self._asked: int | None = None
        self.wal_end = 0  # how far the server was, by its last keepalive: all before it was sent

    def confirm(self, lsn: int) -> None:
        """All before `lsn` is durable."""
        self._confirmed = max(self._confirmed, lsn)

    def keepalive(self, data: bytes) -> None:
        """The server says where it is; where it asks for a reply, an answer is owed. Raises `ProtocolError`."""
        if len(data) < _KEEPALIVE_BYTES:
            raise ProtocolError(f"expected a keepalive of {_KEEPALIVE_BYTES} bytes, got {len(data)}")
        self.wal_end = int.from_bytes(data[1:9], "big")
        if data[17]:
            self._asked = self.wal_end

    @property
    def answer_in_s(self) -> float | None:
        """How long until an answer is due; None when none is owed."""
        return None if self._asked is None else max(0.0, self._answered_at + _MIN_GAP_S - self._clock())

    def answer(self) -> bytes | None:
        """The answer that is due, if one is."""
        if self._asked is None or self.answer_in_s:
            return None
        wal_end, self._asked = self._asked, None
        self._answered_at = self._clock()
        return self._message(write=wal_end, flush=0)

    def status(self) -> bytes:
        """A status update with what is confirmed."""
        return self._message(write=self._confirmed, flush=self._confirmed)

    @property
    def may_follow(self) -> bool:
        """Whether the last message is old enough for a status update that is not due yet."""
        return self._clock() - self._sent_at >= _MIN_GAP_S

    @property
    def due(self) -> bool:
        """Whether a status update is to go out: the interval is over, or what is confirmed was not told."""
        silent_s = self._clock() - self._sent_at
        return silent_s >= self._interval_s or (self._told != self._confirmed and silent_s >= _MIN_GAP_S)

    def _message(self, *, write: int, flush: int) -> bytes:
        self._told = flush
        self._sent_at = self._clock()
        return _STATUS.pack(b"r", write, flush, flush, self._now_us() - _EPOCH_US, 0)
