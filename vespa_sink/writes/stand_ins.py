"""
What follows when a write is given up: its record goes to the dead letters, and another document takes its place.

Without it the row's older document would stand as if it were current, or none would say that there is a row. It is an
attempt of the same write, which ends with it: what comes behind is written behind it.

Keeps: P8.
"""

from __future__ import annotations

import structlog

from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.row_changes import RowPut
from schemas.errors import RowferryError
from vespa_sink.completion import Completion
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.composer import Extent
from vespa_sink.writes.retries import Retries

_log = structlog.get_logger(__name__)


class StandIns:
    """Lives in the event loop."""

    def __init__(self, completion: Completion, retries: Retries) -> None:
        self._completion = completion
        self._retries = retries

    def give_up(self, attempt: Attempt, error: RowferryError, *, refused: bool, lacks: str | None = None) -> None:
        """
        An attempt cannot be carried out: no document can be made of it, or Vespa has `refused` it.

        `lacks`: the field that the index lacks (empty: which is not known), where that is why.
        """
        if attempt.stands_in:  # the record lies among the dead letters
            self._follow(attempt, error, refused=refused)
        else:
            failure = Failure(error, "write", __name__, lacks=lacks)
            self._completion.give_up(attempt.write, failure, lambda: self._follow(attempt, error, refused=refused))

    def _follow(self, attempt: Attempt, error: RowferryError, *, refused: bool) -> None:
        write, extent = attempt.write, follower(attempt, refused=refused)
        if extent is not None:
            # `tries`: a newer version that waits makes it needless. `refused_at`: the row's time goes on.
            self._retries.again([Attempt(write, tries=1, refused_at=attempt.refused_at, extent=extent)])
            return
        if isinstance(write.content, RowPut):
            _log.warning("no document says that a row was given up", document=write.document, reason=str(error))
        self._completion.settled(write)


def follower(attempt: Attempt, *, refused: bool) -> Extent | None:
    """How much of its row the next document carries; None when there is none to try (pure)."""
    if not isinstance(attempt.write.content, RowPut):
        return None
    if refused:
        return None if attempt.extent is Extent.KEY else Extent.KEY
    return None if attempt.stands_in else Extent.FITTING
