"""What a session streams with, once everything that it goes on from has been read and compared."""

from __future__ import annotations

from dataclasses import dataclass, field

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.progress.stored import Stored
from cdc_reader.progress.versions import Versions
from cdc_reader.tables.captured import CapturedTable
from schemas.names import TableName
from schemas.offsets import Position
from schemas.tables import TableEntry


@dataclass(slots=True)
class Ready:
    """What a session streams with. `removed`: tables that are captured no longer; their rows leave the topics.

    `not_visible`: xids that earlier sessions may have delivered and that no snapshot is sure to see yet (rule S1).
    """

    stored: Stored
    position: Position
    versions: Versions
    catalog: Catalog
    entries: dict[TableName, TableEntry]
    tables: list[CapturedTable]
    removed: list[CapturedTable] = field(default_factory=list)
    binary: bool = True
    not_visible: frozenset[int] = frozenset()
