"""
The one life cycle of every consumer, with the verbs of arroyo's `ProcessingStrategy`.

    poll ... poll    close    poll ... poll    join(deadline)        the ordinary end
    poll ... poll    terminate                                       an error that no one classified

Rule 1: `close` returns at once. What was taken before goes on; nothing more is taken.
Rule 2: `join` comes after `close`. It finishes what was taken, as far as the time goes, commits it, and gives the
        partitions back; what is not done by then is read again by whoever comes next.
Rule 3: after `terminate` nothing is finished and nothing committed.

A consumer of threads returns None; one of an event loop returns what is to be awaited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from cdc_runtime.consuming.records import Record

Done_co = TypeVar("Done_co", covariant=True)


class LifeCycle(Protocol[Done_co]):
    """A member of a consumer group; `Done_co` is None, or an awaitable of it."""

    def poll(self) -> Done_co:
        """One round: read a batch, submit it, do what can be done now, commit what is due. Raises our errors."""

    def submit(self, records: Sequence[Record]) -> None:
        """Take records that were read; never blocks. Those of partitions that are not ours are passed over."""

    def close(self) -> None:
        """Take no more."""

    def join(self, deadline: float) -> Done_co:
        """Finish and commit what was taken, to a time of the monotonic clock at most; then leave the group."""

    def terminate(self) -> Done_co:
        """Give up what is under way, and leave the group."""
