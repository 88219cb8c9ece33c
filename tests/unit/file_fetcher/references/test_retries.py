"""The records of the retry topic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc_runtime.consuming.records import Record
from file_fetcher.references.retries import Retry
from schemas.errors import RecordError
from schemas.topics import Topics
from tests.unit.file_fetcher.references.holdings import retry

_HEADERS = (
    ("rowferry.file_id", b"photos/7/url"),
    ("rowferry.record_id", b"photos/7"),
    ("rowferry.attempt", b"1"),
    ("rowferry.not_before_ms", b"1000"),
    ("rowferry.row_version", b"10"),
    ("rowferry.topic", b"cdc.public.photos"),
    ("rowferry.partition", b"4"),
)


def record(headers=_HEADERS, *, key=b"7", value=b"event") -> Record:
    return Record("cdc._retry.g", 1, 33, key, value, 0, headers)


def test_a_retry_says_what_waits_in_its_headers():
    assert retry().headers() == _HEADERS


def test_a_retry_is_read_back():
    assert Retry.from_record(record(), Topics("cdc")) == retry()


def test_the_table_of_a_retry_follows_from_its_topic():
    headers = tuple((name, b"cdc.other.My-20Photos.g3" if name == "rowferry.topic" else v) for name, v in _HEADERS)
    assert Retry.from_record(record(headers), Topics("cdc")).table == "other.My%20Photos"


@pytest.mark.parametrize("missing", [name for name, _ in _HEADERS])
def test_a_retry_without_one_of_its_headers_is_refused(missing):
    with pytest.raises(RecordError, match=f"expected a retry with header {missing}, got none"):
        Retry.from_record(record(tuple(pair for pair in _HEADERS if pair[0] != missing)), Topics("cdc"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rowferry.attempt", b"-1", "digits at most in header rowferry.attempt"),
        ("rowferry.partition", "٣".encode(), "digits at most in header rowferry.partition"),
        ("rowferry.file_id", b"\xff", "expected text in header rowferry.file_id, got other bytes"),
        ("rowferry.topic", b"cdc._tables", "expected the topic of a table in header rowferry.topic"),
        ("rowferry.topic", b"other.public.photos", "expected the topic of a table in header rowferry.topic"),
    ],
)
def test_a_header_that_says_something_else_is_refused(name, value, message):
    with pytest.raises(RecordError, match=message):
        Retry.from_record(record((*_HEADERS, (name, value))), Topics("cdc"))


@pytest.mark.parametrize(("key", "value"), [(None, b"event"), (b"7", None)])
def test_a_retry_without_its_event_is_refused(key, value):
    with pytest.raises(RecordError, match="expected a retry with the key and value of an event, got none"):
        Retry.from_record(record(key=key, value=value), Topics("cdc"))


def test_a_retry_shows_nothing_of_its_row():
    assert "event" not in repr(retry())


@given(
    st.builds(
        retry,
        file_id=st.text(st.characters(codec="utf-8"), min_size=1),
        partition=st.integers(0, 2**31),
        row_version=st.integers(0, 2**63 - 1),
        attempt=st.integers(0, 4095),
        due_ms=st.integers(0, 2**45),
        key=st.binary(min_size=1),
        value=st.binary(),
    )
)
def test_every_retry_is_read_back_as_it_was_written(written):
    read = Retry.from_record(record(written.headers(), key=written.key, value=written.value), Topics("cdc"))
    assert read == written
