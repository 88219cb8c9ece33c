"""
Which scans a session begins with: those that were cut off go on, and tables without a complete one are scanned.

Keeps: P5, S6, S7, D1, D3, D9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from cdc_reader.progress.ready import Ready
from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.scans import RUNNING, Scan, cause_of_scan, leaf_resumable, only_outdated, resumable
from cdc_reader.tables.captured import CapturedTable
from schemas.names import TableName
from schemas.offsets import SnapshotProgress


def first_scans(ready: Ready, chunk_size: Callable[[], ChunkSize]) -> list[Scan]:
    """A scan for every table that has no complete one of this life of the slot and this definition.

    Of one that has, or that goes on with it, the leaves that came since are read alone (rule D3).
    """
    scans: list[Scan] = []
    for table in ready.tables.captured:
        scan = _first_scan(ready, table, chunk_size())
        if scan is not None:
            scans.append(scan)
        if scan is None or scan.progress is not None:
            scans += _leaf_scans(ready, table, chunk_size)
    return scans


def _leaf_scans(ready: Ready, table: CapturedTable, chunk_size: Callable[[], ChunkSize]) -> Iterator[Scan]:
    for leaf in _unread(ready, table):
        known = ready.stored.leaves.get((str(table.name), leaf))
        counts = leaf_resumable(known, table, ready.position.incarnation)
        if known is not None and counts and known.state != RUNNING:
            continue  # it is held, as its root would be (rule S8)
        progress = known if counts else None
        cause = "a partition came"
        yield Scan(
            table.name,
            cause,
            chunk_size(),
            leaf=leaf,
            progress=progress,
            needs_writers=progress is None,
            sweeps=False,
        )


def _unread(ready: Ready, table: CapturedTable) -> tuple[int, ...]:
    known = ready.stored.definitions.get(str(table.name))
    return known.unread if known is not None else ()


def _first_scan(ready: Ready, table: CapturedTable, size: ChunkSize) -> Scan | None:
    known = ready.stored.snapshots.get(str(table.name))
    incarnation = ready.position.incarnation
    # One that begins again does so for whoever asked: its progress says that it was begun (`begun_for`).
    command = ready.stored.commands.get(known.command or "") if known is not None else None
    commands = [] if command is None else [command]
    if known is not None and resumable(known, table, incarnation):
        return Scan(table.name, known.cause, size, progress=known, commands=commands)
    cause = cause_of_scan(known, table, incarnation)
    if cause is None:
        return None
    again = only_outdated(known, table, incarnation)
    needs_writers = not again or bool(_unread(ready, table))
    return Scan(table.name, cause, size, commands=commands, needs_writers=needs_writers, sweeps=not again)


def begun_for(command_id: str, ready: Ready) -> set[str]:
    """The tables whose scan for a command is done, or goes on."""
    captured = {str(table.name) for table in ready.tables.captured}
    return {name for name, known in ready.stored.snapshots.items() if known.command == command_id and name in captured}


def recorded_progress(ready: Ready) -> dict[TableName, SnapshotProgress]:
    """The progress of the captured tables; what another table of the name held says nothing of this one.

    Unless the slot began again: a source that was moved has other OIDs, and should hold the same rows (rule S7).
    """
    found = {}
    for table in ready.tables.captured:
        known = ready.stored.snapshots.get(str(table.name))
        if known is not None:
            counts = known.oid == table.entry.oid or known.incarnation != ready.position.incarnation
            found[table.name] = known if counts else replace(known, complete_rows=0)
    return found
