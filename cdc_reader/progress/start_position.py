"""
Where a session begins: the stored position, proved to fit the server and the slot, or the first one of a new life.

Keeps: P3, P4, P5.
"""

from __future__ import annotations

from dataclasses import replace

from cdc_reader.postgres.plugins import PGOUTPUT
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.slot_requirements import slot_requirement
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.progress.gap_checks import ServerPosition, check_server, check_slot
from schemas.offsets import Position


def prove_position(
    stored: Position | None, server: ServerPosition, slot: SlotRow | None, *, slot_name: str, plugin: str = PGOUTPUT
) -> Position | None:
    """The stored position on the server's timeline; raises `GapFound` or `SlotLost` when it cannot be gone on from.

    Without one, a slot that is there already must be one that can be read.
    """
    if stored is not None:
        check_server(stored, server)
        check_slot(slot_name, slot, stored, database=server.origin.database, plugin=plugin)
        return replace(stored, timeline=server.timeline)
    if slot is not None:
        require([slot_requirement(slot_name, slot, database=server.origin.database, plugin=plugin)])
    return None


def first_position(server: ServerPosition, slot_lsn: int, *, slot_name: str, incarnation: str) -> Position:
    """Where the slot is; everything is read again (rule P5), under `incarnation`."""
    return Position(
        incarnation=incarnation,
        version=0,
        start_lsn=slot_lsn,
        system_id=server.origin.system_id or "",
        timeline=server.timeline,
        database=server.origin.database,
        slot=slot_name,
    )
