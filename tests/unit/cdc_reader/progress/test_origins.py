"""Whose position it is, and how that is said (rule P12)."""

from __future__ import annotations

import pytest

from cdc_reader.progress.origins import Origin, check_origin, difference
from schemas.errors import SettingsError
from schemas.offsets import Position

SERVER = Origin("7", "shop")


def position(system_id: str = "7", database: str = "shop") -> Position:
    return Position("one", 9, 200, system_id=system_id, timeline=1, database=database, slot="rowferry")


SAME = {
    "the same": (position(), SERVER),
    "none yet": (None, SERVER),
    "a server whose system identifier may not be read": (position(), Origin(None, "shop")),
}


@pytest.mark.parametrize(("stored", "server"), SAME.values(), ids=SAME)
def test_position_of_this_server_is_passed(stored: Position | None, server: Origin) -> None:
    check_origin(stored, server)


OF_SHOP = "this position belongs to database 'shop' (system 7), this server is "
OTHERS = {
    "another server": (position(), Origin("8", "shop"), f"{OF_SHOP}'shop' (system 8)"),
    "another database": (position(), Origin("7", "copy"), f"{OF_SHOP}'copy' (system 7)"),
    "another database of we know not whom": (position(), Origin(None, "copy"), f"{OF_SHOP}'copy' (system unknown)"),
    "without a system": (
        position(system_id=""),
        SERVER,
        "this position does not say to which database it belongs, this server is 'shop' (system 7)",
    ),
    "without a database": (
        position(database=""),
        Origin(None, ""),
        "this position does not say to which database it belongs, this server is '' (system unknown)",
    ),
}


@pytest.mark.rule("P12")
@pytest.mark.parametrize(("stored", "server", "line"), OTHERS.values(), ids=OTHERS)
def test_p12_position_of_another_is_named_with_both(stored: Position, server: Origin, line: str) -> None:
    assert difference(stored, server) == line
    with pytest.raises(SettingsError) as raised:
        check_origin(stored, server)
    assert str(raised.value) == f"database_url: {line}"
    assert (raised.value.remedy or "").startswith("correct database_url")
