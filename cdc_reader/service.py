"""
Runs the reader: one session of `capture` after another, again after what may pass.

Keeps: P7.
"""

from __future__ import annotations

import os
import random
import threading
import time

import structlog

from cdc_reader.capture import SourceCapture
from cdc_reader.metrics import ReaderMetrics
from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.source_probe import SourceProbe
from cdc_reader.session import TextNeeded
from cdc_reader.settings import ReaderSettings
from cdc_reader.slot_watch import SlotWatch
from cdc_runtime.backoff import Backoff, Delays
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.errors import Fenced
from cdc_runtime.metrics import Metrics
from cdc_runtime.neighbours import Neighbours
from schemas.errors import Neighbour, NeighbourMissing, RowferryError, SettingsError, TransientError

logger = structlog.get_logger(__name__)
_DELAYS = Delays(first_s=0.2, longest_s=30.0)


class Reader:
    """The service. `run` returns when `drain` asks for it; raises `FatalError` kinds that stop the process."""

    def __init__(
        self, settings: ReaderSettings, *, drain: Drain, metrics: Metrics, health: Health, neighbours: Neighbours
    ) -> None:
        if not settings.database_url.get_secret_value():
            raise SettingsError(
                "database_url: expected a PostgreSQL URL, got nothing",
                remedy="set ROWFERRY_DATABASE_URL=postgresql://user:password@host:5432/database",
            )
        self._settings = settings
        self._drain = drain
        self._health = health
        self._neighbours = neighbours
        self._metrics = ReaderMetrics(metrics, health, slot=settings.slot)
        self._capture = SourceCapture(
            settings, drain=drain, metrics=self._metrics, health=health, neighbours=neighbours
        )
        self._text_only = False
        drain.on_stop(self._on_stop)

    def run(self) -> None:
        """Stream until told to stop; what may pass is tried again after growing pauses."""
        try:
            self._run()
        finally:
            self._capture.close()

    def _run(self) -> None:
        self._watch()
        started = time.monotonic()
        backoff = Backoff(_DELAYS, random.random)
        while not self._drain.stopping:
            began = time.monotonic()
            try:
                with translated("use the source"):
                    self._capture.run(text_only=self._text_only)
                backoff.succeeded()
                continue
            except TextNeeded as exc:
                logger.info("stream_in_text", because_of=str(exc))
                self._text_only = True
                continue
            except (TransientError, NeighbourMissing, Fenced) as exc:
                # Whoever holds the slot's lock is the reader (P2): a fence is our own, from before a long pause.
                if isinstance(exc, NeighbourMissing) and not self._capture.reached:
                    raise
                self._metrics.disturbed(exc)
                self._give_up_in_time(exc, began - started)
                if time.monotonic() - began > _DELAYS.longest_s:
                    backoff.succeeded()
                pause_s = backoff.failed()
                logger.warning("session_ended", reason=str(exc), again_in_s=round(pause_s, 2))
            finally:
                self._metrics.session_over()
                self._health.started()
            self._drain.wait(pause_s)

    def _watch(self) -> None:
        settings = self._settings
        watch = SlotWatch(settings.slot, self._metrics)
        probe = SourceProbe(settings.secret_reader("database_url"), f"rowferry-{settings.source}-probe", watch)
        self._neighbours.watch(Neighbour.POSTGRES, probe)
        self._neighbours.watch(Neighbour.KAFKA, self._capture.ask_kafka)

    def _give_up_in_time(self, exc: RowferryError, waited_s: float) -> None:
        """A neighbour that was never there is waited for `start_timeout_s`; one that was comes back."""
        if not self._capture.reached and waited_s >= self._settings.start_timeout_s:
            raise NeighbourMissing(
                f"{exc} (waited {self._settings.start_timeout_s:g} s)", neighbour=exc.neighbour, remedy=exc.remedy
            ) from exc

    def _on_stop(self) -> None:
        """Told to stop: what waits is ended, and nothing outlasts the deadline."""
        threading.Thread(target=self._capture.cancel, name="cancel", daemon=True).start()
        deadline = threading.Timer(self._drain.remaining_s(), self._end_at_once)
        deadline.daemon = True
        deadline.start()

    def _end_at_once(self) -> None:
        code = self._drain.cut_code
        logger.warning("ended", because=f"{self._drain.reason}, and stop_timeout_s is over", code=code)
        os._exit(code)
