"""Row keys: PostgreSQL's text, percent-encoded, joined; and the partition that Java clients choose."""

from __future__ import annotations

import pytest
from confluent_kafka import murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RecordError
from schemas.keys import FLOOR_KEY, document_id, parse_row_key, partition_of, row_key

PARTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)

KEYS = {
    "a number": (["17"], b"17"),
    "two columns": (["a", "-3"], b"a,-3"),
    "an empty text": ([""], b"%00"),
    "separators": (["a,b/c%"], b"a%2Cb%2Fc%25"),
    "not ASCII": (["é"], b"%C3%A9"),
    "not UTF-8": (["M\udcfcller"], b"M%FCller"),
}


@pytest.mark.parametrize(("parts", "key"), KEYS.values(), ids=KEYS)
def test_key_is_percent_encoded_text(parts: list[str], key: bytes) -> None:
    assert row_key(parts) == key
    assert parse_row_key(key) == tuple(parts)


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_key_tells_its_parts_and_is_never_the_floors(parts: list[str]) -> None:
    key = row_key(parts)
    assert parse_row_key(key) == tuple(parts)
    assert key
    assert key != FLOOR_KEY


def test_bytes_that_are_no_key_are_refused() -> None:
    with pytest.raises(RecordError):
        parse_row_key(b"\xff")


@given(st.binary(min_size=1, max_size=40), st.integers(1, 50))
def test_partition_is_that_of_librdkafka(key: bytes, count: int) -> None:
    assert partition_of(key, count) == (murmur2(key, count))


def test_partition_is_that_of_java() -> None:
    # org.apache.kafka.common.utils.UtilsTest#testMurmur2: "21" hashes to -973932308
    assert partition_of(b"21", 2**31) == -973932308 & 0x7FFFFFFF


def test_document_id_is_table_and_key() -> None:
    assert document_id("projects", b"17") == "projects/17"
