"""Whole messages of the stream as keys and events, by both encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cdc_reader import transcode
from cdc_reader.transcode import (
    CHANGE,
    INCOMPLETE,
    KEY_CHANGED,
    UNCARRIABLE,
    Encoder,
    EventContext,
    TablePlan,
    Unfit,
    make_encoder,
)
from cdc_reader.transcode.kinds import KINDS
from schemas.envelope import Event, Omitted, Source, Transaction
from schemas.errors import ProtocolError, SettingsError
from schemas.wire import EventDecoder
from tests.unit.cdc_reader.transcode.cases import CASES, IMPLEMENTATIONS
from tests.unit.cdc_reader.transcode.tables import (
    CONTEXT,
    UNCHANGED,
    Value,
    delete,
    insert,
    plan_of,
    plan_of_every_kind,
    update,
)

COLUMNS = [("id", 20), ("name", 25), ("note", 25)]
PLAN = plan_of(COLUMNS)
LSN, VERSION, ORDINAL = 0x16_B374_D000, 1_704_067_200_000_123, 7


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.remedy("install a C compiler and build the package again, or let the transcoder be 'auto'")
def test_transcoder_that_was_not_built_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcode, "_IMPLEMENTATIONS", {"reference": transcode._IMPLEMENTATIONS["reference"]})
    monkeypatch.setattr(transcode, "IMPLEMENTATION", "reference")
    with pytest.raises(SettingsError) as caught:
        make_encoder(PLAN, "compiled")
    assert caught.value.remedy == "install a C compiler and build the package again, or let the transcoder be 'auto'"

    assert type(make_encoder(PLAN, "auto")) is type(make_encoder(PLAN, "reference"))


@pytest.fixture
def encoder(implementation: str) -> Encoder:
    return make_encoder(PLAN, implementation)


def change(encoder: Encoder, payload: bytes, context: EventContext = CONTEXT) -> tuple[bytes, bytes, int]:
    return encoder.change(payload, context, LSN, VERSION, ORDINAL)


def decoded(plan: TablePlan, value: bytes) -> Event:
    return EventDecoder({plan.fingerprint: plan.avro_schema}.__getitem__).decode(value)


def event(op: str, **rows: Any) -> Event:
    """The event that a change of `PLAN` should give."""
    return Event(
        op=op,
        version=VERSION,
        source=Source(
            mode="stream",
            db="shop",
            schema="public",
            table="items",
            name="rowferry",
            txId=755,
            commit_lsn=97_500_059_720,
            ts_us=1_704_067_200_000_000,
            lsn=97_500_057_600,
            ordinal=7,
        ),
        ts_ms=1_704_067_201_000,
        transaction=Transaction("755:97500059720", 7),
        below_version=None,
        refetched=(),
        omitted=(),
        before=rows.get("before"),
        before_is_key=rows.get("before_is_key", False),
        after=rows.get("after"),
        kinds={},
        renderers={},
    )


ROW = {"id": 42, "name": "a", "note": None}
OLD_ROW = {"id": 42, "name": "b", "note": "n"}
ID_42 = ("b", bytes.fromhex("000000000000002a"))

PLAIN = {
    "insert": (insert("42", "a", None), event("c", after=ROW)),
    "insert in binary": (insert(ID_42, ("b", b"a"), None), event("c", after=ROW)),
    "update": (update(["42", "a", None]), event("u", after=ROW)),
    "update with the old key, unmoved": (
        update(["42", "a", None], key=["42", None, None]),
        event("u", before={"id": 42}, before_is_key=True, after=ROW),
    ),
    "update with the old row": (
        update(["42", "a", None], row=["42", "b", "n"]),
        event("u", before=OLD_ROW, after=ROW),
    ),
    "update with the old row fills what did not change": (
        update(["42", "a", UNCHANGED], row=["42", "b", "n"]),
        event("u", before=OLD_ROW, after={"id": 42, "name": "a", "note": "n"}),
    ),
    "update whose unchanged key is in the old key": (
        update([UNCHANGED, "a", None], key=["42", None, None]),
        event("u", before={"id": 42}, before_is_key=True, after=ROW),
    ),
    "key in text and in binary are the same key": (
        update([ID_42, "a", None], key=["42", None, None]),
        event("u", before={"id": 42}, before_is_key=True, after=ROW),
    ),
    "delete by key": (delete(key=["42", None, None]), event("d", before={"id": 42}, before_is_key=True)),
    "delete of a full row": (delete(row=["42", "b", "n"]), event("d", before=OLD_ROW)),
}


@pytest.mark.parametrize(("payload", "expected"), PLAIN.values(), ids=PLAIN)
def test_change_gives_key_and_event(encoder: Encoder, payload: bytes, expected: Event) -> None:
    key, value, rare = change(encoder, payload)
    assert (key, rare) == (b"42", CHANGE)
    assert decoded(PLAN, value) == expected


RARE = {
    "unchanged value": (update(["42", "a", UNCHANGED]), INCOMPLETE),
    "unchanged value beside the old key": (update(["42", "a", UNCHANGED], key=["42", None, None]), INCOMPLETE),
    "unchanged key": (update([UNCHANGED, "a", None]), INCOMPLETE),
    "unchanged value in an insert": (insert("42", UNCHANGED, None), INCOMPLETE),
    "key change": (update(["43", "a", None], key=["42", None, None]), KEY_CHANGED),
    "key change with the old row": (update(["43", "a", None], row=["42", "b", "n"]), KEY_CHANGED),
    "key change with an unchanged value": (
        update(["43", "a", UNCHANGED], key=["42", None, None]),
        KEY_CHANGED | INCOMPLETE,
    ),
    "text that is not UTF-8": (insert("42", b"\xff", None), UNCARRIABLE),
    "old text that is not UTF-8": (delete(row=["42", b"\xff", None]), UNCARRIABLE),
    "everything at once": (
        update(["43", b"\xff", UNCHANGED], key=["42", None, None]),
        KEY_CHANGED | INCOMPLETE | UNCARRIABLE,
    ),
}


@pytest.mark.parametrize(("payload", "reasons"), RARE.values(), ids=RARE)
def test_rare_change_gives_its_reasons(encoder: Encoder, payload: bytes, reasons: int) -> None:
    assert change(encoder, payload) == (b"", b"", reasons)


BROKEN = {
    "no message": b"",
    "tag alone": b"I",
    "begin": bytes.fromhex("42 00000016B374D848 0002B0D5D4E94000 000002F1"),
    "other relation": b"I\0\0\0\1" + insert("42", "a", None)[5:],
    "no old tuple in a delete": b"D" + insert("42", "a", None)[1:],
    "old tuple in an insert": b"I" + delete(key=["42", None, None])[1:],
}

UNFIT = {
    "too few columns": insert("42", "a"),
    "too many columns": insert("42", "a", None, None),
    "null key": insert(None, "a", None),
    "null old key": delete(key=[None, None, None]),
    "old row with values left out": update(["42", "a", None], row=["42", "a", UNCHANGED]),
    "bad number": insert("4x", "a", None),
    "bad number in a row that is incomplete": update(["4x", "a", UNCHANGED]),
    "bad number of binary": insert(("b", b"\0\0\0\1"), "a", None),
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_broken_message_is_a_protocol_error(encoder: Encoder, payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        change(encoder, payload)


@pytest.mark.parametrize("payload", UNFIT.values(), ids=UNFIT)
def test_whole_message_that_its_table_does_not_explain_is_told_apart(encoder: Encoder, payload: bytes) -> None:
    with pytest.raises(Unfit):
        change(encoder, payload)


@pytest.mark.parametrize("payload", [payload for payload, _ in PLAIN.values()], ids=PLAIN)
def test_every_truncation_is_a_protocol_error(encoder: Encoder, payload: bytes) -> None:
    for size in range(len(payload)):
        with pytest.raises(ProtocolError):
            change(encoder, payload[:size])


@pytest.mark.parametrize("payload", [payload for payload, _ in PLAIN.values()], ids=PLAIN)
def test_bytes_left_over_are_a_protocol_error(encoder: Encoder, payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        change(encoder, payload + b"\0")


def test_an_encoder_goes_on_after_an_error(encoder: Encoder) -> None:
    expected = change(encoder, insert("42", "a", None))
    with pytest.raises(Unfit):
        change(encoder, insert("4x", "a", None))
    assert change(encoder, insert("42", "a", None)) == expected


def test_events_of_a_snapshot_carry_no_transaction(encoder: Encoder) -> None:
    context = EventContext("snapshot", 0, 5, 1_704_067_200_000_000, 1_704_067_201_000)
    _, value, _ = change(encoder, insert("42", "a", None), context)
    assert decoded(PLAN, value).transaction is None
    assert decoded(PLAN, value).source.mode == "snapshot"


def test_each_event_carries_its_own_context(encoder: Encoder) -> None:
    contexts = [EventContext("stream", xid, xid, xid, xid) for xid in (1, 2, 1)]
    events = [decoded(PLAN, change(encoder, insert("42", "a", None), context)[1]) for context in contexts]
    assert [event.source.txId for event in events] == [1, 2, 1]
    assert [event.transaction for event in events] == [
        Transaction("1:1", 7),
        Transaction("2:2", 7),
        Transaction("1:1", 7),
    ]


KEYS: dict[str, tuple[Sequence[tuple[str, int]], Sequence[str], Sequence[Value], bytes]] = {
    "smallint": ([("id", 21)], ["id"], [("b", b"\xff\xff")], b"-1"),
    "integer": ([("id", 23)], ["id"], [("b", b"\x80\0\0\0")], b"-2147483648"),
    "bigint": ([("id", 20)], ["id"], [("b", b"\x80" + bytes(7))], b"-9223372036854775808"),
    "bigint zero": ([("id", 20)], ["id"], [("b", bytes(8))], b"0"),
    "uuid": (
        [("id", 2950)],
        ["id"],
        [("b", bytes.fromhex("00112233445566778899aabbccddeeff"))],
        b"00112233-4455-6677-8899-aabbccddeeff",
    ),
    "uuid in text": (
        [("id", 2950)],
        ["id"],
        ["00112233-4455-6677-8899-aabbccddeeff"],
        b"00112233-4455-6677-8899-aabbccddeeff",
    ),
    "text": ([("id", 25)], ["id"], [("b", "a b,é/%".encode())], b"a%20b%2C%C3%A9%2F%25"),
    "text that needs nothing": ([("id", 25)], ["id"], ["AZaz09-._~"], b"AZaz09-._~"),
    "empty text": ([("id", 25)], ["id"], [""], b"%00"),
    "bool": ([("id", 16)], ["id"], [("b", b"\1")], b"t"),
    "oid": ([("id", 26)], ["id"], [("b", b"\xff\xff\xff\xff")], b"4294967295"),
    "date": ([("id", 1082)], ["id"], [("b", bytes(4))], b"2000-01-01"),
    "odd date": ([("id", 1082)], ["id"], [("b", b"\x7f\xff\xff\xff")], b"infinity"),
    "timestamptz": ([("id", 1184)], ["id"], [("b", bytes(8))], b"2000-01-01%2000%3A00%3A00%2B00"),
    "timestamptz in text": (
        [("id", 1184)],
        ["id"],
        ["2000-01-01 00:00:00+00"],
        b"2000-01-01%2000%3A00%3A00%2B00",
    ),
    "numeric": ([("id", 1700)], ["id"], [("b", bytes.fromhex("0002000040000002000c1388"))], b"-12.50"),
    "float8": ([("id", 701)], ["id"], [("b", bytes.fromhex("4415af1d78b58c40"))], b"1e%2B20"),
    "bytea": ([("id", 17)], ["id"], [("b", b"\xff")], b"%5Cxff"),
    "inet": ([("id", 869)], ["id"], ["10.0.0.1"], b"10.0.0.1"),
    "two columns in the order of the key": ([("a", 23), ("b", 25)], ["b", "a"], ["1", "x,y"], b"x%2Cy,1"),
}


@pytest.mark.parametrize(("columns", "key", "row", "expected"), KEYS.values(), ids=KEYS)
def test_key_is_the_primary_key_as_text(
    implementation: str,
    columns: Sequence[tuple[str, int]],
    key: Sequence[str],
    row: Sequence[Value],
    expected: bytes,
) -> None:
    encoder = make_encoder(plan_of(columns, key), implementation)
    payload = insert(*row)
    assert change(encoder, payload)[0] == expected
    parts = encoder.split(payload)
    assert parts.new is not None
    assert encoder.key_of(parts.new) == expected


def test_a_key_that_is_not_utf8_still_tells_rows_apart(implementation: str) -> None:
    encoder = make_encoder(plan_of([("id", 25)]), implementation)
    for field in (b"\xff", ("b", b"\xff")):
        parts = encoder.split(insert(field))
        assert parts.new is not None
        assert encoder.key_of(parts.new) == b"%FF"
        assert change(encoder, insert(field))[2] == UNCARRIABLE


def test_columns_of_a_partition_take_the_order_of_the_table(implementation: str) -> None:
    plan = plan_of(COLUMNS, wire=["note", "id", "name"])
    encoder = make_encoder(plan, implementation)
    key, value, _ = change(encoder, update(["n", "42", "a"], row=["o", "42", "b"]))
    assert key == b"42"
    assert decoded(plan, value).after == {"id": 42, "name": "a", "note": "n"}
    assert decoded(plan, value).before == {"id": 42, "name": "b", "note": "o"}


def test_names_that_avro_cannot_carry_come_back_as_they_were(implementation: str) -> None:
    plan = plan_of([("id", 20), ("größe in %", 25), ("1st", 25)])
    _, value, _ = change(make_encoder(plan, implementation), insert("1", "a", "b"))
    assert decoded(plan, value).after == {"id": 1, "größe in %": "a", "1st": "b"}


def test_a_table_may_have_hundreds_of_columns_and_large_values(implementation: str) -> None:
    columns = [("id", 20), *((f"c{at}", 25) for at in range(600))]
    texts = [f"{at}" * 100 for at in range(600)]
    texts[7] = "x" * 1_000_000
    _, value, rare = change(make_encoder(plan_of(columns), implementation), insert("1", *texts))
    assert rare == CHANGE
    assert decoded(plan_of(columns), value).after == {"id": 1, **{f"c{at}": text for at, text in enumerate(texts)}}


def every_kind(*, binary: bool, case: int) -> list[Value]:
    """A row of `plan_of_every_kind`, from the cases."""
    row: list[Value] = ["1"]
    for kind in KINDS:
        one = CASES[kind.code][case % len(CASES[kind.code])]
        row.append(("b", bytes.fromhex(one.binary)) if binary and one.binary is not None else one.text)
    return row


@pytest.mark.parametrize("case", range(14))
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_both_encoders_give_the_same_bytes_for_every_kind(case: int, binary: bool) -> None:
    row, old = every_kind(binary=binary, case=case), every_kind(binary=not binary, case=case + 1)
    nulls: list[Value] = ["1", *[None] * len(KINDS)]
    unchanged: list[Value] = ["1", *[UNCHANGED] * len(KINDS)]
    encoders = [make_encoder(plan_of_every_kind(), implementation) for implementation in IMPLEMENTATIONS]
    for payload in (
        insert(*row),
        insert(*nulls),
        update(row),
        update(row, row=old),
        update(unchanged, row=row),
        update(unchanged, row=nulls),
        update(unchanged),
        update(row, key=nulls),
        delete(key=nulls),
        delete(row=row),
    ):
        assert len({change(encoder, payload) for encoder in encoders}) == 1


def test_an_implementation_that_was_not_built_is_a_setting_to_mend() -> None:
    with pytest.raises(SettingsError, match="transcoder: expected one of") as caught:
        make_encoder(PLAN, "assembler")
    assert caught.value.remedy is not None


def test_omitted_columns_are_named_with_their_reason(encoder: Encoder) -> None:
    parts = encoder.split(insert("42", b"\xff", "n"))
    assert parts.new is not None
    columns = encoder.columns(parts.new)
    value = encoder.event(
        "c", CONTEXT, lsn=LSN, version=VERSION, ordinal=ORDINAL, after=columns.row, omitted=columns.omitted
    )
    assert decoded(PLAN, value).after == {"id": 42, "name": None, "note": "n"}
    assert decoded(PLAN, value).omitted == (Omitted("name", "the value is not valid UTF-8"),)
