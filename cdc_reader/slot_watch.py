"""
Edge: looks at the slot every few seconds, and raises an alarm before it is lost.

Whatever the reader does meanwhile: it streams, waits for the slot as hot standby, or for Kafka, which is when WAL
grows. An alarm is told once, and once that it is over; what is alarming is decided in `postgres.slot_requirements`.
"""

from __future__ import annotations

import structlog

from cdc_reader.metrics import ReaderMetrics
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.requirements import Requirement
from cdc_reader.postgres.server import FIRST_WITH_INACTIVE_SINCE, slot_row
from cdc_reader.postgres.slot_requirements import IDLE, LOST, SHORT, UNRESERVED, slot_alarms
from schemas.errors import RowferryError, Unreachable

logger = structlog.get_logger(__name__)


class SlotWatch:
    """For the life of the process, and for one thread."""

    def __init__(self, slot: str, metrics: ReaderMetrics) -> None:
        self._slot = slot
        self._metrics = metrics
        self._raised: frozenset[str] = frozenset()
        self._problem = ""

    def __call__(self, connection: Connection) -> None:
        """Look at it. Raises `Unreachable`; another refusal of the server is told, and is no sign that it is gone."""
        try:
            slot = slot_row(connection, self._slot)
        except Unreachable:
            raise
        except RowferryError as exc:
            if str(exc) != self._problem:
                self._problem = str(exc)
                logger.warning("slot_not_watched", slot=self._slot, reason=str(exc))
            return
        self._problem = ""
        in_danger = bool(self._raised & {UNRESERVED, SHORT})
        alarms = {} if slot is None else dict(slot_alarms(slot, raised=in_danger))
        self._tell(alarms)
        self._metrics.slot_seen(
            slot,
            [each.found for each in alarms.values()],
            idle_known=connection.info.server_version >= FIRST_WITH_INACTIVE_SINCE,
        )

    def _tell(self, alarms: dict[str, Requirement]) -> None:
        for word, each in alarms.items():
            if word in self._raised:
                continue
            told = {"slot": self._slot, "expected": each.expected, "found": each.found, "remedy": each.remedy}
            if word == LOST:
                logger.error("slot_lost", **told)
            else:
                logger.warning("slot_in_danger", **told)
        if self._raised - {IDLE} and not alarms.keys() - {IDLE}:
            logger.info("slot_is_safe", slot=self._slot)
        self._raised = frozenset(alarms)
