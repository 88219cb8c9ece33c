"""Texts of a database whose bytes are not all characters."""

from __future__ import annotations

import pytest

from cdc_reader.postgres.characters import ByteCharacters, Characters
from schemas.errors import RecordError
from schemas.keys import parse_row_key, row_key

# As the server tells them of WIN1252, but for FF, which has none here: 81, 8D, 8F, 90 and 9D have none.
_UPPER = [bytes([byte]).decode("cp1252", "ignore") or None for byte in range(0x80, 0xFF)]
WESTERN = ByteCharacters([*_UPPER, None])
VALUES = {
    "ASCII": (b"plain \x7f\x01", b"plain \x7f\x01"),
    "empty": (b"", b""),
    "characters of two bytes": (b"caf\xe9", b"caf\xc3\xa9"),
    "characters of three bytes": (b"5 \x80", b"5 \xe2\x82\xac"),
    "no character": (b"a\x81b\xe9", b"a\xff\x81b\xc3\xa9"),
    "only such": (b"\x81\x8d", b"\xff\x81\xff\x8d"),
    "the mark itself": (b"\xff\xe9\xff\xff\x81", b"\xff\xff\xc3\xa9\xff\xff\xff\xff\xff\x81"),
    "what looks like UTF-8": (b"\xc3\xa9", b"\xc3\x83\xc2\xa9"),
}


@pytest.mark.rule("P8")
@pytest.mark.parametrize(("stored", "utf8"), VALUES.values(), ids=VALUES)
def test_p8_text_is_recoded_and_a_byte_without_a_character_is_no_utf8(stored: bytes, utf8: bytes) -> None:
    assert WESTERN.utf8(stored) == utf8


@pytest.mark.rule("P8")
@pytest.mark.parametrize(("stored", "utf8"), VALUES.values(), ids=VALUES)
def test_p8_key_is_written_into_statements_as_it_is_stored(stored: bytes, utf8: bytes) -> None:
    [text] = parse_row_key(row_key([utf8.decode(errors="surrogateescape")]))
    assert WESTERN.stored(f"SELECT '\u20ac' = '{text}'") == b"SELECT '\x80' = '" + stored + b"'"


def test_no_two_texts_are_recoded_to_the_same_bytes() -> None:
    one_or_two = [bytes([a]) for a in range(256)] + [bytes([a, b]) for a in range(128, 256) for b in range(128, 256)]
    assert len({WESTERN.utf8(stored) for stored in one_or_two}) == len(one_or_two)


def test_name_shows_what_has_no_character() -> None:
    assert WESTERN.shown(b"stra\x81e \xfcber \xff") == "stra\ufffde \xfcber \ufffd"


@pytest.mark.parametrize("text", ["\u65e5\u672c", "\ufffd", "\x80"])
def test_statement_of_other_characters_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="expected characters of the database's encoding, got others"):
        WESTERN.stored(text)


def test_texts_of_other_databases_stay_what_they_are() -> None:
    plain = Characters()
    assert plain.recode is False
    assert plain.utf8(b"caf\xe9") == b"caf\xe9"
    assert plain.shown(b"caf\xe9 \xc3\xa9") == "caf\ufffd \xe9"
    assert plain.stored("caf\udce9 \xe9") == b"caf\xe9 \xc3\xa9"
