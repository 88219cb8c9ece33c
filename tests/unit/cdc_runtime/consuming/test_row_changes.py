from __future__ import annotations

import pytest

from cdc_runtime.consuming.row_changes import Floor, Nothing, RowDelete, RowPut, row_change
from schemas.envelope import Event
from schemas.errors import RecordError
from schemas.keys import FLOOR_KEY
from tests.unit.vespa_sink.events import event, record


def _change(decoded: Event, key: bytes | None = b"17"):
    return row_change(record(key), lambda _: decoded)


@pytest.mark.parametrize("op", ["c", "u", "r"])
def test_row_after_an_event_is_put(op: str) -> None:
    change = _change(event(op))
    assert isinstance(change, RowPut)
    assert (change.version, change.key) == (99, b"17")


def test_delete_event_deletes() -> None:
    change = _change(event("d", before={"id": 17}, before_is_key=True))
    assert isinstance(change, RowDelete)
    assert (change.version, change.key) == (99, b"17")


@pytest.mark.rule("V2")
def test_v2_tombstone_deletes_with_the_version_of_its_header() -> None:
    found = row_change(record(value=None, headers=(("rowferry.version", b"1234"),)), lambda _: event())
    assert isinstance(found, RowDelete)
    assert (found.version, found.event) == (1234, None)


@pytest.mark.parametrize("op", ["t", "s"])
def test_truncate_and_sweep_are_floors(op: str) -> None:
    change = _change(event(op, below_version=50), FLOOR_KEY)
    assert isinstance(change, Floor)
    assert (change.below_version, change.op) == (50, op)


def test_message_changes_nothing() -> None:
    assert isinstance(_change(event("m")), Nothing)


WRONG = {
    "no key": (None, event()),
    "empty key": (b"", event()),
    "key that is not ascii": (b"\xff", event()),
    "delete with a key that is not ascii": (b"\xff", event("d")),
    "row under the floor key": (FLOOR_KEY, event()),
    "floor under a row key": (b"17", event("t", below_version=5)),
    "floor without a version": (FLOOR_KEY, event("t")),
    "put without a row": (b"17", event("u", after=None)),
}


@pytest.mark.parametrize(("key", "decoded"), WRONG.values(), ids=WRONG)
def test_record_that_says_nothing_sensible_is_an_error(key: bytes | None, decoded: Event) -> None:
    with pytest.raises(RecordError):
        _change(decoded, key)


@pytest.mark.parametrize(
    "headers", [(), (("rowferry.version", None),), (("rowferry.version", b"-1"),), (("rowferry.version", b"x"),)]
)
def test_tombstone_without_a_version_is_an_error(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    with pytest.raises(RecordError, match=r"rowferry\.version"):
        row_change(record(value=None, headers=headers), lambda _: event())
