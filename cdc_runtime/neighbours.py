"""
Edge: asks each neighbour every few seconds whether it is there, and tells health, metrics and log.

A service that has nothing to do learns nothing of a server that stands still, and one that waits for it in a call of a
client library cannot tell. So each neighbour is asked in a thread of its own, over a connection that nothing else
waits for, and another thread judges what came.

Rule 1: a neighbour that has not answered for `silence_s` is told once, and once that it is back; `/readyz` names it.
Rule 2: while the main thread prepares (`preparing`), which it may do in long calls, its ticks are given here.
Rule 3: a start in which a neighbour does not answer for `start_timeout_s` is given up, whatever the main thread waits
        in; a moment later than it would itself, whose words are better.

Keeps: P15.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from cdc_runtime.health import Health
from cdc_runtime.metrics import NEIGHBOUR_UP, Metrics
from cdc_runtime.neighbour_state import LOOK_S, NeighbourState
from cdc_runtime.subjects import connection
from schemas.errors import Neighbour, NeighbourMissing, RowferryError, TransientError

_log = structlog.get_logger(__name__)
# So many questions go into the silence that counts as a loss.
_ASKED = 4
# For the main thread to end the start in order, which closes clients.
_GRACE_S = 3.0
# Asks once and returns when there was an answer, within so many seconds; raises our errors.
Probe = Callable[[float], None]
_REMEDIES = {
    Neighbour.KAFKA: "start the brokers, or set kafka.bootstrap_servers",
    Neighbour.POSTGRES: "start the server, or set database_url",
    Neighbour.VESPA: "start Vespa, or set vespa.url",
}


class Neighbours:
    """Those of one process. `give_up` ends the process; it is called at most once."""

    def __init__(
        self,
        health: Health,
        metrics: Metrics,
        *,
        silence_s: float,
        start_timeout_s: float,
        give_up: Callable[[RowferryError], None],
    ) -> None:
        self._health = health
        self._up = metrics.gauge(NEIGHBOUR_UP)
        self._silence_s = silence_s
        self._start_timeout_s = start_timeout_s
        self._give_up = give_up
        self._lock = threading.Lock()
        self._states: dict[Neighbour, NeighbourState] = {}
        self._closed = threading.Event()
        self._preparing, self._prepared_once = True, False
        threading.Thread(target=self._judge, name="neighbours", daemon=True).start()

    def watch(self, neighbour: Neighbour, probe: Probe) -> None:
        """Ask a neighbour from now on."""
        with self._lock:
            self._states[neighbour] = NeighbourState(self._silence_s, time.monotonic())
        self._up.labels(neighbour.value).set(0)
        threading.Thread(target=self._ask, args=(neighbour, probe), name=f"ask-{neighbour}", daemon=True).start()

    def preparing(self) -> None:
        """The main thread makes something ready: it may wait in long calls, and each of them is bounded."""
        self._preparing = True

    def prepared(self) -> None:
        """The main thread goes round and ticks; the start is over."""
        self._preparing, self._prepared_once = False, True

    def close(self) -> None:
        """Ask nobody any more; may be called twice. A question that is under way has no consequence."""
        self._closed.set()

    def _ask(self, neighbour: Neighbour, probe: Probe) -> None:
        state, every_s = self._states[neighbour], self._silence_s / _ASKED
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                probe(every_s)
            except TransientError as exc:
                state.failed(str(exc), exc.remedy)
            except RowferryError:
                # It refuses us, so it is there; what is to be done about that is decided where it matters.
                self._answered(neighbour, state)
            except Exception:
                if self._closed.is_set():
                    return  # what it asks with was closed
                raise
            else:
                self._answered(neighbour, state)
            self._closed.wait(max(0.0, began + every_s - time.monotonic()))

    def _answered(self, neighbour: Neighbour, state: NeighbourState) -> None:
        with self._lock:
            now = time.monotonic()
            silent_s = state.silent_s(now)
            back = state.answered(now)
            self._up.labels(neighbour.value).set(1)
            self._health.ready(connection(neighbour))
        if back:
            _log.info("neighbour is back", neighbour=neighbour.value, after_s=round(silent_s, 1))

    def _judge(self) -> None:
        while not self._closed.wait(min(LOOK_S, self._silence_s / _ASKED / 2)):
            if self._preparing:
                self._health.tick()
            for neighbour, state in list(self._states.items()):
                self._look(neighbour, state)

    def _look(self, neighbour: Neighbour, state: NeighbourState) -> None:
        with self._lock:
            now = time.monotonic()
            lost, silent_s = state.look(now), state.silent_s(now)
            if lost:
                self._up.labels(neighbour.value).set(0)
                self._health.not_ready(str(state), connection(neighbour))
        if lost:
            _log.warning("neighbour lost", neighbour=neighbour.value, reason=str(state))
        if self._preparing and not self._prepared_once and silent_s >= self._start_timeout_s + _GRACE_S:
            self._closed.set()
            self._give_up(self._missing(neighbour, state))

    def _missing(self, neighbour: Neighbour, state: NeighbourState) -> NeighbourMissing:
        return NeighbourMissing(
            expected=f"{neighbour.value} to answer within {self._start_timeout_s:g} s",
            found=state.problem or "no answer",
            neighbour=neighbour,
            remedy=state.remedy or _REMEDIES.get(neighbour),
        )
