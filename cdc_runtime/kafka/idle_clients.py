"""
Edge: polls clients that their owners have no reason to poll, once a second, beside whatever the owners do.

librdkafka keeps what it has to log and to report until a client is polled, without a bound: some lines a second while
no broker is there. The time of a line is that of the poll.

Rule 1: a client is polled here only while its owner is in none of its calls (but the one that may be left behind), and
        never once it is being closed.
Rule 2: an error that ended the client is kept for the owner's next call (`ErrorMemory`).
Rule 3: nothing here keeps a client alive.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import QUIET_S, Call
from cdc_runtime.kafka.client import ErrorMemory
from cdc_runtime.kafka.errors import only_reported
from schemas.errors import Neighbour

IDLE_S = 1.0
# A call that waits a moment at most.
SERVE = Call("poll", Neighbour.KAFKA, QUIET_S)


class Served:
    """Sees to it that a client is polled: by its owner, whose calls are made within `held`; else once a second."""

    def __init__(self, poll: Callable[[float], object], errors: ErrorMemory) -> None:
        self._poll: Callable[[float], object] | None = poll
        self._errors = errors
        self._in_call = threading.RLock()
        _IDLE.add(self)

    @contextmanager
    def held(self, call: Call) -> Iterator[None]:
        """Make a call of the owner's within the block, in its bound (`bounded_calls`)."""
        with CALLS.held(call), self._in_call:
            yield

    def serve(self, wait_s: float) -> None:
        """Poll, by the owner. Raises `KafkaException`, once, with what has ended the client."""
        with self.held(SERVE):
            if self._poll is not None:
                with only_reported():
                    self._poll(wait_s)
            self._errors.log.served()

    def end(self) -> None:
        """The client is closed, or left behind: polled by nobody from now on. Nothing refers to it any more."""
        with self._in_call:
            self._poll = None

    def serve_idle(self) -> None:
        """Poll, unless the owner does."""
        if self._errors.log.unserved_s() < IDLE_S or not self._in_call.acquire(blocking=False):
            return
        try:
            self.serve(0)
        except KafkaException as exc:
            self._errors.remember(exc)
            self._errors.log.served()
        finally:
            self._in_call.release()


class _IdleClients:
    """All clients of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: weakref.WeakSet[Served] = weakref.WeakSet()
        self._serving = False

    def add(self, client: Served) -> None:
        with self._lock:
            self._clients.add(client)
            if not self._serving:
                self._serving = True
                threading.Thread(target=self._serve, name="idle-clients", daemon=True).start()

    def _serve(self) -> None:
        while True:
            time.sleep(IDLE_S / 2)
            self._serve_each()

    def _serve_each(self) -> None:
        with self._lock:
            clients = list(self._clients)
        while clients:
            clients.pop().serve_idle()


_IDLE = _IdleClients()
