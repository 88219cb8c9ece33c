"""Where a session begins: behind the stored position, once it is proved, or at the start of a new life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.progress.gap_checks import ServerPosition
from cdc_reader.progress.origins import Origin
from cdc_reader.progress.start_position import first_position, prove_position
from schemas.errors import GapFound, ServerSetting, SlotLost
from schemas.offsets import Position

STORED = Position(
    incarnation="one", version=9, start_lsn=200, system_id="7", timeline=1, database="shop", slot="rowferry"
)
SERVER = ServerPosition(Origin("7", "shop"), 1, flush_lsn=500)
SLOT = SlotRow("pgoutput", "shop", confirmed_lsn=200, active_pid=None, wal_status="reserved")


def prove(stored: Position | None, server: ServerPosition = SERVER, slot: SlotRow | None = SLOT) -> Position | None:
    return prove_position(stored, server, slot, slot_name="rowferry")


def test_stored_position_is_gone_on_from_on_the_timeline_of_now() -> None:
    assert prove(STORED) == STORED
    promoted = replace(SERVER, timeline=2, switch_lsn=300)
    assert prove(STORED, promoted) == replace(STORED, timeline=2)


@pytest.mark.rule("P5")
def test_p5_no_position_is_a_new_life_from_where_the_slot_is() -> None:
    assert prove(None) is None
    assert prove(None, slot=None) is None
    position = first_position(SERVER, 200, slot_name="rowferry", incarnation="two")
    assert (position.incarnation, position.version, position.restart_lsn) == ("two", 0, 200)
    assert (position.system_id, position.timeline, position.database) == ("7", 1, "shop")
    assert (position.last, position.open) == (None, None)


@pytest.mark.rule("P3")
@pytest.mark.parametrize("slot", [None, replace(SLOT, wal_status="lost"), replace(SLOT, confirmed_lsn=201)])
def test_p3_stored_position_without_its_slot_is_refused(slot: SlotRow | None) -> None:
    with pytest.raises((SlotLost, GapFound)):
        prove(STORED, slot=slot)


@pytest.mark.rule("P4")
def test_p4_stored_position_that_the_server_has_not_written_is_refused() -> None:
    with pytest.raises(GapFound):
        prove(STORED, replace(SERVER, flush_lsn=199))


def test_slot_that_is_not_ours_is_refused_without_a_position_too() -> None:
    with pytest.raises(ServerSetting):
        prove(None, slot=replace(SLOT, plugin="wal2json"))
