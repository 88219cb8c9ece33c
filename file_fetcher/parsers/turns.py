"""
Edge: whose turn it is to have a worker: kinds of files take turns, one that ends badly each time stops no other.

Keeps: V14.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from file_fetcher.failures import Cancelled
from file_fetcher.fetching.shares import Shares

_LOOK_S = 1.0  # there is no word when a kind begins to stand still


class Turns:
    """Hands out so many workers; thread-safe, blocks."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._shares = Shares()
        self._waiting: OrderedDict[str, int] = OrderedDict()
        self._bad: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False

    @contextmanager
    def turn(self, kind: str) -> Iterator[Callable[[bool], None]]:
        """A worker for a file of a kind; tell what is yielded whether it ended well. Raises `Cancelled` when closed."""
        ended = [False]
        self._begin(kind)
        try:
            yield lambda well: ended.__setitem__(0, well)
        finally:
            with self._changed:
                (self._bad.discard if ended[0] else self._bad.add)(kind)
                self._shares.ended(kind, time.monotonic(), well=ended[0])
                self._changed.notify_all()

    def close(self) -> None:
        """Whoever waits gets `Cancelled`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _begin(self, kind: str) -> None:
        with self._changed:
            self._waiting[kind] = self._waiting.get(kind, 0) + 1
            try:
                while not self._closed and self._next() != kind:
                    self._changed.wait(_LOOK_S)
            finally:
                left = self._waiting.pop(kind) - 1
                if left:
                    self._waiting[kind] = left  # behind all others
            if self._closed:
                raise Cancelled
            self._shares.begun(kind)
            self._changed.notify_all()

    def _next(self) -> str | None:
        """The kind whose turn it is; None where no worker is free for any."""
        if self._shares.under_way >= self._workers:
            return None
        now, alone = time.monotonic(), len(self._waiting) == 1
        for kind in self._waiting:
            if self._shares.may_begin(kind, self._workers, now, alone=alone and kind not in self._bad):
                return kind
        return None
