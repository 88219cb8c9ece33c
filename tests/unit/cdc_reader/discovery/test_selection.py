"""Which tables are wanted."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.selection import Selection, table_name
from schemas.errors import SettingsError
from schemas.names import TableName

CASES = {
    "public": (Selection.of(), "public.photos", True),
    "another schema": (Selection.of(), "audit.log", False),
    "migrations": (Selection.of(), "public._prisma_migrations", False),
    "sync events": (Selection.of(), "public.sync_events", False),
    "sync events elsewhere": (Selection.of(["audit.sync_events"]), "audit.sync_events", True),
    "named": (Selection.of(["photos", "audit.log"]), "audit.log", True),
    "not named": (Selection.of(["photos", "audit.log"]), "public.log", False),
    "excluded though named": (Selection.of(["photos"], ["photos"]), "public.photos", False),
    "own list instead of the default": (Selection.of(None, []), "public.sync_events", True),
    "everything": (Selection.everything(), "audit.sync_events", True),
}


@pytest.mark.parametrize(("selection", "name", "wanted"), CASES.values(), ids=CASES)
def test_table_is_wanted_as_the_settings_say(selection: Selection, name: str, wanted: bool) -> None:
    assert selection.wants(TableName.parse(name)) is wanted


def test_name_without_schema_is_of_public() -> None:
    assert table_name("photos", "tables") == TableName("public", "photos")
    assert table_name("audit.a%2Eb", "tables") == TableName("audit", "a.b")


@pytest.mark.parametrize("text", ["", ".", "a.", "a.b.c"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"expected a table as 'table' or 'schema\.table'"):
        table_name(text, "tables")


def test_named_table_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"got none called public\.fotos"):
        Selection.of(["photos", "fotos"]).require([TableName("public", "photos")])


def test_reason_names_why_a_table_is_left_out() -> None:
    assert Selection.of().why_not(TableName("public", "sync_events")) == "excluded by the settings"
    assert Selection.of(["a"]).why_not(TableName("public", "b")) == "not among the selected tables"
    assert Selection.of().why_not(TableName("audit", "b")) == "outside the selected schemas"
