"""
Edge: what is asked of the reader for partitions that are ours.

That is: tables whose deletes may be missing (rule V7), and rows of which a retry is lost. Blocks; raises
`TransientError`. Leaves to others: reading state before, and what the reader sends after.

Keeps: V7.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.position_check import Answer, PositionCheck
from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.intake.lost_retries import LostRetries
from file_fetcher.intake.partitions import TablePartition


class ReaderQuestions:
    """Used by one thread at a time."""

    def __init__(self, position_check: PositionCheck, lost_retries: LostRetries) -> None:
        self._position_check = position_check
        self._lost_retries = lost_retries

    def begin(self, new: Sequence[TablePartition], commits: Mapping[TopicPartition, CommittedPosition]) -> None:
        """Ask for new partitions, from where they are committed, before anything of them is handled."""
        for assigned in new:
            self._check(assigned, commits.get(assigned.topic_partition))
        self._lost_retries.ask(new)

    def again(self, ready: Sequence[TablePartition], positions: Mapping[TablePartition, CommittedPosition]) -> None:
        """Ask for partitions that are ours; `positions`: of those whose check is due."""
        for assigned, position in positions.items():
            self._check(assigned, position)
        self._lost_retries.ask(ready)

    def _check(self, assigned: TablePartition, position: CommittedPosition | None) -> None:
        answer = self._position_check.check(assigned.table, assigned.topic_partition, position)
        assigned.age.checked(int(time.time() * 1000), asked=answer is not Answer.SOUND)
