"""What is asked through `_control`: obeyed, refused with the reason, or asked by the reader itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from cdc_reader.control_commands import CommandStates, ControlInbox, now_ms
from cdc_runtime.consuming.records import Record
from schemas.control import Command, Kind, State
from schemas.names import TableName

ITEMS = TableName("public", "items")
TABLES: Any = {ITEMS: SimpleNamespace(entry=SimpleNamespace(primary_key=("region", "id")))}


@dataclass
class Desk:
    """The topic, what was written to it, and what was read because of it."""

    records: list[Record] = field(default_factory=list)
    states: list[Command] = field(default_factory=list)
    scans: list[tuple[str, TableName, object]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    def poll(self) -> list[Record]:
        taken, self.records = self.records, []
        return taken

    def add(self, topic: str, key: bytes, value: bytes | None, ts_ms: int) -> None:
        if value is None:
            self.forgotten.append(key.decode())
            return
        self.states.append(Command.from_json(value))
        self.write(self.states[-1])

    def write(self, command: Command) -> None:
        self.records.append(Record("cdc._control", 0, len(self.records), command.id.encode(), command.to_json(), 0))

    def read_table(self, table: TableName, cause: str, *, commands: list[Command]) -> None:
        self.scans.append(("table", table, cause))

    def read_keys(self, table: TableName, keys: list[bytes], *, commands: list[Command]) -> None:
        self.scans.append(("keys", table, keys))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def inbox(desk: Any) -> ControlInbox:
    states = CommandStates(desk, "cdc._control", own="reader rowferry")
    return ControlInbox(desk, source="rowferry", states=states, tables=TABLES, selected={}, scans=desk)


def command(kind: Kind = Kind.SNAPSHOT, *tables: str, **more: Any) -> Command:
    return Command("c1", kind, tables or ("public.items",), "operator", 0, **more)


def test_table_that_is_asked_for_is_read(desk: Desk, inbox: ControlInbox) -> None:
    desk.write(command())
    inbox.poll(1.0)
    assert desk.scans == [("table", ITEMS, "asked for by operator")]
    assert desk.states == []


def test_keys_that_are_asked_for_are_read(desk: Desk, inbox: ControlInbox) -> None:
    desk.write(command(Kind.REREAD, keys=("eu,1", "eu,2")))
    inbox.poll(1.0)
    assert desk.scans == [("keys", ITEMS, [b"eu,1", b"eu,2"])]


def test_topic_is_looked_at_twice_a_second(desk: Desk, inbox: ControlInbox) -> None:
    inbox.poll(1.0)
    desk.write(command())
    inbox.poll(1.4)
    assert desk.scans == []
    inbox.poll(1.5)
    assert len(desk.scans) == 1


def test_command_that_is_begun_or_over_is_not_begun_again(desk: Desk, inbox: ControlInbox) -> None:
    for state in (State.RUNNING, State.DONE, State.REFUSED):
        desk.write(command().in_state(state))
    inbox.poll(1.0)
    assert desk.scans == []


def test_tables_whose_scan_goes_on_are_left_out(desk: Desk, inbox: ControlInbox) -> None:
    inbox.obey(command(), begun={"public.items"})
    assert desk.scans == []


REFUSED = {
    "a table that is not captured": command(Kind.SNAPSHOT, "public.items", "public.others"),
    "rows of two tables": command(Kind.REREAD, "public.items", "public.items", keys=("eu,1",)),
    "no key": command(Kind.REREAD),
    "a key with a part too few": command(Kind.REREAD, keys=("eu,1", "1")),
    "a key that is not encoded": command(Kind.REREAD, keys=("\u00e9,1",)),
}


@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_obeyed_is_refused_with_the_reason(desk: Desk, inbox: ControlInbox, asked: Command) -> None:
    desk.write(asked)
    inbox.poll(1.0)
    assert desk.scans == []
    [refused] = desk.states
    assert (refused.id, refused.state) == ("c1", State.REFUSED)
    assert refused.detail.startswith("expected ")


@pytest.mark.rule("V5")
def test_v5_reader_asks_itself_once_for_a_row_that_went_out_without_its_columns(
    desk: Desk, inbox: ControlInbox
) -> None:
    for key in (b"eu,1", b"eu,2", b"eu,1"):
        inbox.reread(ITEMS, key)
    assert desk.states == [], "each would be a command of its own"
    inbox.ask_ourselves()
    inbox.poll(1.0)
    [asked] = desk.states
    assert (asked.kind, asked.tables, asked.keys, asked.state) == (
        Kind.REREAD,
        ("public.items",),
        ("eu,1", "eu,2"),
        State.REQUESTED,
    )
    assert desk.scans == [("keys", ITEMS, [b"eu,1", b"eu,2"])]


@pytest.mark.rule("V5")
def test_v5_rows_that_one_record_has_no_room_for_are_asked_for_by_several(desk: Desk, inbox: ControlInbox) -> None:
    """Red without the bound in bytes: one large record, and the transaction of all these rows, would fail for ever."""
    for number in range(300):
        inbox.reread(ITEMS, b"eu,%d" % number + b"x" * 2_000)
    inbox.ask_ourselves()
    assert [len(asked.keys) for asked in desk.states] == [130, 130, 40]
    inbox.ask_ourselves()
    assert len(desk.states) == 3


def test_command_of_our_own_leaves_the_topic_when_it_is_over(desk: Desk, inbox: ControlInbox) -> None:
    states = CommandStates(desk, "cdc._control", own="reader rowferry")  # type: ignore[arg-type]
    inbox.reread(ITEMS, b"eu,1")
    inbox.ask_ourselves()
    [asked] = desk.states
    states.record(asked.in_state(State.RUNNING))
    states.record(command().in_state(State.DONE))
    assert desk.forgotten == []
    states.record(asked.in_state(State.DONE))
    assert desk.forgotten == [asked.id]


def test_command_that_is_over_since_long_leaves_the_topic(desk: Desk, inbox: ControlInbox) -> None:
    day_ms = 24 * 3600 * 1000
    inbox.forget_old({"old": now_ms() - 8 * day_ms, "young": now_ms() - 6 * day_ms})
    assert desk.forgotten == ["old"]
