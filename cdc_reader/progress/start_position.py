"""
Where a session begins: the stored position, proved to fit the server and the slot, or the first one of a new life.

Keeps: P3, P4, P5.
"""

from __future__ import annotations

from dataclasses import replace

from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.slot_requirements import slot_requirement
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.progress.gap_checks import ServerPosition, check_server, check_slot
from schemas.offsets import Position


def prove_position(
    stored: Position | None, server: ServerPosition, slot: SlotRow | None, *, slot_name: str, incarnation: str
) -> Position:
    """The position to go on from; raises `GapFound` or `SlotLost` when the stored one cannot be.

    Without a stored one, everything is read again (rule P5), under `incarnation`; the slot must be there then.
    """
    if stored is not None:
        check_server(stored, server)
        check_slot(slot_name, slot, stored, database=server.database)
        return replace(stored, timeline=server.timeline)
    require([slot_requirement(slot_name, slot, database=server.database)])
    assert slot is not None
    return Position(
        incarnation=incarnation,
        version=0,
        start_lsn=slot.confirmed_lsn,
        system_id=server.system_id,
        timeline=server.timeline,
        database=server.database,
        slot=slot_name,
    )
