"""
Which scans a session begins with: those that were cut off go on, and tables without a complete one are scanned.

Keeps: P5, S6, D1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cdc_reader.progress.ready import Ready
from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.scans import Scan, cause_of_scan, resumable
from cdc_reader.tables.captured import CapturedTable
from schemas.names import TableName
from schemas.offsets import SnapshotProgress


def first_scans(ready: Ready, chunk_size: Callable[[], ChunkSize]) -> list[Scan]:
    """A scan for every table that has no complete one of this life of the slot and this definition."""
    scans = (_first_scan(ready, table, chunk_size()) for table in ready.tables.captured)
    return [scan for scan in scans if scan is not None]


def _first_scan(ready: Ready, table: CapturedTable, size: ChunkSize) -> Scan | None:
    known = ready.stored.snapshots.get(str(table.name))
    incarnation = ready.position.incarnation
    if known is not None and resumable(known, table, incarnation):
        command = ready.stored.commands.get(known.command or "")
        commands = [command] if command is not None else []
        return Scan(table.name, known.cause, size, progress=known, commands=commands)
    cause = cause_of_scan(known, table, incarnation)
    return None if cause is None else Scan(table.name, cause, size, needs_writers=True)


def begun_for(command_id: str, ready: Ready) -> set[str]:
    """The tables whose scan for a command is done, or goes on."""
    return {name for name, known in ready.stored.snapshots.items() if known.command == command_id}


def recorded_progress(ready: Ready) -> dict[TableName, SnapshotProgress]:
    """The progress of the captured tables; what another table of the name held says nothing of this one."""
    found = {}
    for table in ready.tables.captured:
        known = ready.stored.snapshots.get(str(table.name))
        if known is not None:
            found[table.name] = known if known.oid == table.entry.oid else replace(known, complete_rows=0)
    return found
