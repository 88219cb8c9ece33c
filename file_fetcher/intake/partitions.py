"""
What the fetcher knows of a partition for as long as it holds it.

Keeps: F2, V4.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from cdc_runtime.consuming.partitions import AssignedPartition
from cdc_runtime.consuming.row_changes import Floor
from schemas.names import TableName


@dataclass(slots=True, eq=False)
class TablePartition(AssignedPartition):
    """
    One partition of a table's topic.

    `ready`: what was remembered of its rows has been read (rule F2). `floor`: a truncate or sweep that stands alone.
    """

    table: TableName
    _: KW_ONLY
    floor: Floor | None = None

    @property
    def waits(self) -> bool:
        """Whether new records must wait."""
        return self.floor is not None or super(TablePartition, self).waits
