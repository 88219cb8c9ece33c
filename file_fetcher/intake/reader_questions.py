"""
Edge: what is asked of the reader for partitions that are ours.

That is: tables whose deletes may be missing (rule V7), or whose topic was made again (V11); and rows of which a retry
is lost. Blocks; raises `TransientError`. Leaves to others: reading state before, and what the reader sends after.

Keeps: V7, V11.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.position_check import Answer, PositionCheck
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Anew, Start
from file_fetcher.intake.lost_retries import LostRetries
from file_fetcher.intake.partitions import TablePartition


class ReaderQuestions:
    """Used by one thread at a time."""

    def __init__(self, position_check: PositionCheck, lost_retries: LostRetries) -> None:
        self._position_check = position_check
        self._lost_retries = lost_retries

    def begin(self, new: Sequence[TablePartition], starts: Mapping[TopicPartition, Start]) -> None:
        """Ask for new partitions, from where they begin, before anything of them is handled."""
        for assigned in new:
            start = starts[assigned.topic_partition]
            self._check(assigned, start.position, start.anew)
        self._lost_retries.ask(new)

    def again(self, ready: Sequence[TablePartition], positions: Mapping[TablePartition, CommittedPosition]) -> None:
        """Ask for partitions that are ours; `positions`: of those whose check is due."""
        for assigned, position in positions.items():
            self._check(assigned, position)
        self._lost_retries.ask(ready)

    def _check(self, assigned: TablePartition, position: CommittedPosition | None, anew: Anew | None = None) -> None:
        answer = self._position_check.check(assigned.table, assigned.topic_partition, position, anew)
        assigned.age.checked(int(time.time() * 1000), asked=answer is not Answer.SOUND)
