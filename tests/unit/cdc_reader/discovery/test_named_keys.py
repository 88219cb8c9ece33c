"""Keys that the settings name are those of tables that have none of their own; what is wrong sets one table aside."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.captures import capture_of
from cdc_reader.discovery.named_keys import with_named_keys
from cdc_reader.discovery.selection import Selection
from schemas.errors import SettingsError
from schemas.tables import Capture
from tests.unit.cdc_reader.discovery.catalogs import key_column, table

COLUMNS = {"id": "bigint", "name": "text"}
VIEW = table(7, "v", COLUMNS, key="", kind="v", key_order=())
KEYLESS = table(8, "t", COLUMNS, key="", key_order=())
ORDER = {7: (key_column("name", "text"),), 8: (key_column("name", "text"),)}


def captured(row, keys=None, polled=(), order=ORDER) -> Capture:
    selection = Selection.of(keys=keys, polled=polled)
    [found] = with_named_keys([row], selection, order)
    return capture_of(found)


def test_a_view_with_a_named_key_is_polled() -> None:
    assert captured(VIEW, {"v": ["name"]}) == Capture("polling", "is a view: it has no write-ahead log of its own")


def test_d4_a_table_with_a_named_key_is_polled() -> None:
    reason = "has no primary key: the one that 'keys' names is in no update and no delete of the stream"
    assert captured(KEYLESS, {"public.t": ["name"]}) == Capture("polling", reason)


WRONG = {
    "has a key": (table(8, "t", COLUMNS), {"t": ["name"]}, "it has a primary key, (id)"),
    "no such column": (KEYLESS, {"t": ["nothing"]}, "it has no column 'nothing'"),
    "twice": (KEYLESS, {"t": ["name", "name"]}, "expected each column once, and one at least"),
    "none": (KEYLESS, {"t": []}, "expected each column once, and one at least"),
}


@pytest.mark.parametrize(("row", "keys", "why"), WRONG.values(), ids=WRONG)
def test_d8_a_key_that_is_none_sets_its_table_aside(row, keys, why) -> None:
    assert captured(row, keys) == Capture("none", f"the setting 'keys' names no key of it: {why}")


def test_a_named_key_that_nothing_orders_is_refused() -> None:
    assert captured(VIEW, {"v": ["name"]}, order={}).mode == "none"


def test_a_table_is_polled_where_the_settings_say_so() -> None:
    row = table(8, "t", COLUMNS)
    assert captured(row).mode == "replication"
    assert captured(row, polled=["t"]) == Capture("polling", "is among the tables that the settings have polled")
    # Where it cannot be read either, it stays what it is.
    assert captured(KEYLESS, polled=["t"]).mode == "none"


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^keys: expected a table"):
        Selection.of(keys={"a.b.c": ["id"]})
    with pytest.raises(SettingsError, match=r"polling\.tables: expected a table"):
        Selection.of(polled=["a.b.c"])
