"""Events from single columns and rows, copied rows, and what no bytes may do."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc_reader.pgoutput.messages import Null, Text, Unchanged
from cdc_reader.transcode import Encoder, EventContext, Unfit, make_encoder
from schemas.envelope import Event, Omitted
from schemas.errors import ProtocolError
from schemas.wire import EventDecoder
from tests.unit.cdc_reader.transcode.cases import IMPLEMENTATIONS
from tests.unit.cdc_reader.transcode.tables import (
    CONTEXT,
    UNCHANGED,
    copy_row,
    delete,
    insert,
    plan_of,
    plan_of_every_kind,
    update,
)

# `net` (inet) is only read as text.
PLAN = plan_of([("id", 20), ("name", 25), ("net", 790)])
SNAPSHOT = EventContext("snapshot", 0, 0, 1_704_067_200_000_000, 1_704_067_201_000)
ID_42 = bytes.fromhex("000000000000002a")


@pytest.fixture(params=IMPLEMENTATIONS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return make_encoder(PLAN, request.param)


def decoded(value: bytes) -> Event:
    return EventDecoder({PLAN.fingerprint: PLAN.avro_schema}.__getitem__).decode(value)


SAME = {
    "insert": insert("42", "a", "10.0.0.1"),
    "update": update(["42", "a", None]),
    "update with the old key": update(["42", "a", None], key=["42", None, None]),
    "update with the old row": update(["42", "a", UNCHANGED], row=["42", None, "10.0.0.1"]),
    "delete by key": delete(key=["42", None, None]),
    "delete of a full row": delete(row=["42", "a", "10.0.0.1"]),
}


@pytest.mark.parametrize("payload", SAME.values(), ids=SAME)
def test_slow_path_gives_the_bytes_of_the_fast_one(encoder: Encoder, payload: bytes) -> None:
    key, value, _ = encoder.change(payload, CONTEXT, 5, 6, 7)
    parts = encoder.split(payload)
    before = after = None
    if parts.old is not None:
        columns = encoder.columns(parts.old)
        before = ("row", columns.row) if parts.old_kind == "O" else ("key", encoder.key_record(columns))
    if parts.new is not None:
        after = encoder.columns(parts.new).row
    assert encoder.event(parts.op, CONTEXT, lsn=5, version=6, ordinal=7, before=before, after=after) == value
    fields = parts.new or parts.old
    assert fields is not None
    assert encoder.key_of(fields) == key


def test_split_keeps_apart_null_unchanged_and_text(encoder: Encoder) -> None:
    parts = encoder.split(update(["42", None, UNCHANGED], key=["42", None, None]))
    assert (parts.op, parts.old_kind) == ("u", "K")
    assert parts.old == (Text(b"42"), Null(), Null())
    assert parts.new == (Text(b"42"), Null(), Unchanged())


def test_what_did_not_change_has_no_bytes(encoder: Encoder) -> None:
    parts = encoder.split(update(["42", None, UNCHANGED]))
    assert parts.new is not None
    columns = encoder.columns(parts.new)
    assert columns.encoded == (b"\x02\x54", b"\x00", None)
    with pytest.raises(TypeError):
        _ = columns.row


def test_split_takes_only_changes(encoder: Encoder) -> None:
    with pytest.raises(ProtocolError, match="expected an insert, update or delete, got Truncate"):
        encoder.split(bytes.fromhex("54 00000001 00 00004010"))


def test_event_carries_what_was_read_again_and_left_out(encoder: Encoder) -> None:
    row = encoder.column(0, b"42", binary=False) + b"\x00" + encoder.column(2, b"::1", binary=False)
    value = encoder.event(
        "u",
        CONTEXT,
        lsn=5,
        version=6,
        ordinal=7,
        after=row,
        refetched=("net",),
        omitted=(("name", "too large"), ("other", "gone")),
    )
    event = decoded(value)
    assert event.refetched == ("net",)
    assert event.omitted == (Omitted("name", "too large"), Omitted("other", "gone"))
    assert event.after == {"id": 42, "name": None, "net": "::1"}


@pytest.mark.parametrize("op", ["t", "s"])
def test_floor_event_carries_the_version_below_which_nothing_is_left(encoder: Encoder, op: str) -> None:
    event = decoded(encoder.event(op, CONTEXT, lsn=5, version=6, ordinal=7, below_version=2**62))
    assert (event.op, event.below_version, event.before, event.after) == (op, 2**62, None, None)


def test_numbers_beyond_64_bits_are_refused(encoder: Encoder) -> None:
    with pytest.raises(ProtocolError):
        encoder.event("t", CONTEXT, lsn=2**63, version=6, ordinal=7)


def test_copied_row_gives_key_and_row(encoder: Encoder) -> None:
    key, row, omitted = encoder.copy_row(copy_row(ID_42, b"a", b"10.0.0.1"))
    assert (key, omitted) == (b"42", ())
    assert row == encoder.copy_columns(copy_row(ID_42, b"a", b"10.0.0.1")).row
    event = decoded(encoder.read_event(row, SNAPSHOT, 5, 6, 7))
    assert (event.op, event.version, event.source.lsn, event.source.ordinal) == ("r", 6, 5, 7)
    assert (event.source.mode, event.transaction, event.before) == ("snapshot", None, None)
    assert event.after == {"id": 42, "name": "a", "net": "10.0.0.1"}
    assert encoder.read_event(row, SNAPSHOT, 5, 6, 7) == encoder.event(
        "r", SNAPSHOT, lsn=5, version=6, ordinal=7, after=row
    )


def test_copied_null_is_null(encoder: Encoder) -> None:
    _, row, _ = encoder.copy_row(copy_row(ID_42, None, None))
    assert row == b"\x02\x54\x00\x00"


def test_copied_value_that_cannot_be_carried_is_omitted(encoder: Encoder) -> None:
    _, row, omitted = encoder.copy_row(copy_row(ID_42, b"\xff", b"::1"))
    assert omitted == (("name", "the value is not valid UTF-8"),)
    assert row == b"\x02\x54\x00\x02\x06::1"


BROKEN = {
    "nothing": b"",
    "count alone": b"\x00\x03",
    "end of the copy": b"\xff\xff",
    "too few columns": copy_row(ID_42, b"a"),
    "too many columns": copy_row(ID_42, b"a", None, None),
    "negative size": b"\x00\x03\xff\xff\xff\xfe" + bytes(20),
    "size beyond the end": b"\x00\x03\x7f\xff\xff\xff" + bytes(20),
    "bytes left over": copy_row(ID_42, b"a", None) + b"\0",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_copy_is_a_protocol_error(encoder: Encoder, data: bytes) -> None:
    with pytest.raises(ProtocolError):
        encoder.copy_row(data)


@pytest.mark.parametrize("key", [None, b"\0\0\0\1"], ids=["none", "of another size"])
def test_copied_key_that_is_none_does_not_fit(encoder: Encoder, key: bytes | None) -> None:
    with pytest.raises(Unfit):
        encoder.copy_row(copy_row(key, b"a", None))


def test_every_truncation_of_a_copied_row_is_a_protocol_error(encoder: Encoder) -> None:
    data = copy_row(ID_42, b"a", b"10.0.0.1")
    for size in range(len(data)):
        with pytest.raises(ProtocolError):
            encoder.copy_row(data[:size])
        with pytest.raises(ProtocolError):
            encoder.copy_columns(data[:size])


def outcome(encoder: Encoder, payload: bytes) -> object:
    try:
        return encoder.change(payload, CONTEXT, 5, 6, 7)
    except ProtocolError:
        return ProtocolError
    except Unfit:  # whether the message can be read at all is found when it is split, which comes next
        with suppress(Unfit):
            try:
                encoder.split(payload)
            except ProtocolError:
                return ProtocolError
        return Unfit


def copied(encoder: Encoder, data: bytes) -> object:
    try:
        return encoder.copy_row(data)
    except (ProtocolError, Unfit) as exc:
        return type(exc)


EVERY_KIND = [make_encoder(plan_of_every_kind(), implementation) for implementation in IMPLEMENTATIONS]
SMALL = [make_encoder(PLAN, implementation) for implementation in IMPLEMENTATIONS]
FIELDS = st.one_of(
    st.none(),
    st.just(UNCHANGED),
    st.binary(max_size=12),
    st.text(max_size=8),
    st.integers(-5, 5).map(str),
    st.tuples(st.just("b"), st.binary(max_size=16)),
)
TUPLES = st.lists(FIELDS, min_size=3, max_size=3)


@given(TUPLES, TUPLES, st.sampled_from("IUDKO"))
def test_both_encoders_answer_any_tuples_alike(new: list[object], old: list[object], shape: str) -> None:
    payloads = {
        "I": lambda: insert(*new),  # type: ignore[arg-type]
        "U": lambda: update(new),  # type: ignore[arg-type]
        "D": lambda: delete(row=old),  # type: ignore[arg-type]
        "K": lambda: update(new, key=old),  # type: ignore[arg-type]
        "O": lambda: update(new, row=old),  # type: ignore[arg-type]
    }
    payload = payloads[shape]()
    assert len({outcome(encoder, payload) for encoder in SMALL}) == 1


SEEDS = [*SAME.values(), insert(*["1"] * 3), insert("42", ("b", b"abc"), None)]


@given(st.sampled_from(SEEDS), st.data())
def test_both_encoders_answer_damaged_messages_alike(payload: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(payload)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    data = bytes(damaged[: draw.draw(st.integers(0, len(damaged)))]) if draw.draw(st.booleans()) else bytes(damaged)
    assert len({outcome(encoder, data) for encoder in SMALL}) == 1


@given(st.binary(max_size=200), st.booleans())
def test_both_encoders_answer_random_bytes_alike(data: bytes, framed: bool) -> None:
    payload = b"I\x00\x00\x40\x10N\x00\x13" + data if framed else data
    assert len({outcome(encoder, payload) for encoder in EVERY_KIND}) == 1
    row = b"\x00\x13" + data if framed else data
    assert len({copied(encoder, row) for encoder in EVERY_KIND}) == 1


@given(st.lists(st.one_of(st.none(), st.binary(max_size=12)), min_size=3, max_size=3))
def test_both_encoders_answer_any_copied_row_alike(fields: list[bytes | None]) -> None:
    assert len({copied(encoder, copy_row(*fields)) for encoder in SMALL}) == 1
