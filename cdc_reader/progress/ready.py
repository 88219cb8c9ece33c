"""What a session streams with, once everything that it goes on from has been read and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.progress.stored import StoredProgress
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.progress.versions import Versions
from cdc_reader.tables.planned import PlannedTables
from schemas.offsets import Position


@dataclass(frozen=True, slots=True)
class Ready:
    """A start that may stream. `binary`: the stream is asked for binary values.

    `unseen`: what earlier sessions delivered, or may have, and no snapshot sees yet (rule S1). `judged` sets tables of
    a catalog aside, as those of this one were (rule D8). `topics`: the ids of the captured topics.
    """

    stored: StoredProgress
    position: Position
    versions: Versions
    catalog: Catalog
    tables: PlannedTables
    binary: bool
    unseen: UnseenTransactions
    judged: Callable[[Catalog], Catalog]
    topics: Mapping[str, str]
