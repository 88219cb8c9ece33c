"""What a session streams with, once everything that it goes on from has been read and compared."""

from __future__ import annotations

from dataclasses import dataclass

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.progress.stored import StoredProgress
from cdc_reader.progress.versions import Versions
from cdc_reader.tables.planned import PlannedTables
from schemas.offsets import Position


@dataclass(frozen=True, slots=True)
class Ready:
    """A start that may stream. `binary`: the stream is asked for binary values.

    `not_visible`: xids that earlier sessions may have delivered and that no snapshot is sure to see yet (rule S1).
    """

    stored: StoredProgress
    position: Position
    versions: Versions
    catalog: Catalog
    tables: PlannedTables
    binary: bool
    not_visible: frozenset[int]
