"""What the server sent with its texts as they are stored, recoded."""

from __future__ import annotations

import pytest

from cdc_reader.pgoutput.decoder import decode
from cdc_reader.pgoutput.messages import Binary, Insert, Null, Relation, Text, Unchanged, Update
from cdc_reader.postgres.recoded import recoded_copy_row, recoded_message
from schemas.errors import ProtocolError


def doubled(text: bytes) -> bytes:
    """Every byte above 7F twice: texts grow, as they do in UTF-8."""
    return b"".join(bytes([byte]) * (1 + (byte > 0x7F)) for byte in text)


INSERT = bytes.fromhex("49 FFFF8081 4E 0004 74 00000003 61E962 6E 75 74 00000000")
LONG = bytes.fromhex("49 00004001 4E 0001 74 00000080") + b"a" * 0x80
UPDATE = bytes.fromhex("55 00004001 4B 0002 74 00000001 E9 6E 4E 0002 74 00000001 61 62 00000002 E9E9")
DELETE = bytes.fromhex("44 00004001 4F 0001 74 00000002 81E9")
RELATION = bytes.fromhex("52 0000E901 73E900 7400 64 0002 01 69E900 000000E9 FFFFFFFF 00 6E00 00000019 000000E9")
MESSAGES = {
    "insert": (INSERT, "49 FFFF8081 4E 0004 74 00000004 61E9E962 6E 75 74 00000000"),
    "update": (UPDATE, "55 00004001 4B 0002 74 00000002 E9E9 6E 4E 0002 74 00000001 61 62 00000002 E9E9"),
    "delete": (DELETE, "44 00004001 4F 0001 74 00000004 8181E9E9"),
    "relation": (RELATION, "52 0000E901 73E9E900 7400 64 0002 01 69E9E900 000000E9 FFFFFFFF 00 6E00 00000019 000000E9"),
}


@pytest.mark.rule("P8")
@pytest.mark.parametrize(("data", "recoded"), MESSAGES.values(), ids=MESSAGES)
def test_p8_texts_of_messages_are_recoded_and_nothing_else(data: bytes, recoded: str) -> None:
    assert recoded_message(data, doubled) == bytes.fromhex(recoded)


@pytest.mark.parametrize(
    "data", [LONG, b"", b"B" + bytes([0xE9] * 20), b"M\x01" + b"\xe9" * 30, b"T\0\0\0\x01\0\xe9\xe9\xe9\xe9"]
)
def test_messages_without_such_texts_stay_what_they_are(data: bytes) -> None:
    assert recoded_message(data, doubled) == data


@pytest.mark.parametrize("data", [data for data, _ in MESSAGES.values()], ids=MESSAGES)
def test_message_that_is_cut_or_too_long_is_left_to_the_decoder(data: bytes) -> None:
    for wrong in [data[:size] for size in range(1, len(data))] + [data + b"\xe9", data + b"\xe9\xe9\xe9\xe9"]:
        with pytest.raises(ProtocolError):
            decode(recoded_message(wrong, doubled))


@pytest.mark.parametrize("size", ["FFFFFFFF", "FFFFFFF8", "80000000"])
def test_message_with_a_size_below_zero_is_left_to_the_decoder(size: str) -> None:
    wrong = bytes.fromhex(f"49 00004001 4E 0001 74 {size} E9")
    assert recoded_message(wrong, doubled) == wrong


def test_recoded_messages_decode() -> None:
    values = (Text(b"a\xe9\xe9b"), Null(), Unchanged(), Text(b""))
    assert decode(recoded_message(INSERT, doubled)) == Insert(0xFFFF8081, values)
    update = decode(recoded_message(UPDATE, doubled))
    assert isinstance(update, Update)
    assert update.new == (Text(b"a"), Binary(b"\xe9\xe9"))
    relation = decode(recoded_message(RELATION, lambda text: text.replace(b"\xe9", b"\xc3\xa9")))
    assert isinstance(relation, Relation)
    assert (relation.schema, relation.columns[0].name) == ("s\xe9", "i\xe9")


COPIED = bytes.fromhex("0004 00000001 E9 00000002 E961 FFFFFFFF 00000000")


@pytest.mark.rule("P8")
def test_p8_texts_of_copied_rows_are_recoded_and_nothing_else() -> None:
    expected = bytes.fromhex("0004 00000001 E9 00000003 E9E961 FFFFFFFF 00000000")
    assert recoded_copy_row(COPIED, frozenset({1, 2, 3}), doubled) == expected


def test_copied_row_that_is_cut_or_too_long_is_left_to_who_reads_it() -> None:
    for wrong in [*(COPIED[:size] for size in range(len(COPIED))), COPIED + b"\xe9"]:
        assert recoded_copy_row(wrong, frozenset({0, 1}), doubled) == wrong
