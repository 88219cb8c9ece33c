"""
What the fetcher knows of a partition for as long as it holds it.

Keeps: F2, V4, V11.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace

from cdc_runtime.consuming.partitions import AssignedPartition
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.row_changes import Floor
from schemas.names import TableName


@dataclass(slots=True)
class ResultsAgain:
    """
    Results that are to be published again, into topics with this id.

    `after`: the last row that is seen to; `rows`: how many of those had results.
    """

    results_id: str
    after: str = ""
    rows: int = 0


@dataclass(slots=True, eq=False)
class TablePartition(AssignedPartition):
    """
    One partition of a table's topic.

    `ready`: what was remembered of its rows has been read (rule F2). `floor`: a truncate or sweep that stands alone.
    `results_id`: of the topics that its results are in (None: not known); `again`: they are in none that are there.
    """

    table: TableName
    _: KW_ONLY
    floor: Floor | None = None
    results_id: str | None = None
    again: ResultsAgain | None = None

    def results_go_to(self, results_id: str) -> None:
        """The topics of results have this id: what is in others, which were deleted, is published again."""
        if self.results_id is None:
            self.results_id = results_id
        wanted = self.results_id if self.again is None else self.again.results_id
        if wanted != results_id:
            self.again = ResultsAgain(results_id)

    def published_again(self, again: ResultsAgain) -> None:
        """Nothing of its results is missing, once what waits for another try has had it."""
        self.results_id, self.again = again.results_id, None

    @property
    def position(self) -> CommittedPosition | None:
        """What may be committed, with where its results are."""
        position = super(TablePartition, self).position
        return None if position is None else replace(position, results_id=self.results_id)

    @property
    def waits(self) -> bool:
        """Whether new records must wait."""
        return self.floor is not None or super(TablePartition, self).waits

    @property
    def held_up(self) -> str:
        """What of ours keeps it from moving; empty where nothing does."""
        return (
            "rows of a truncated table, or that a full read did not find, are removed"
            if self.floor
            else super(TablePartition, self).held_up
        )
