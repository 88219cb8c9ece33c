"""Dead letters carry the original record and Connect's headers."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.dead_letters import DeadLetter, Failure, dead_letter
from cdc_runtime.consuming.records import Record
from schemas.errors import RecordError

RECORD = Record(
    "cdc.public.photos", 2, 41, b"7", b"\xc3\x01payload", 1_700_000_000_000, (("trace", b"t"), ("none", None))
)


def letter(record=RECORD, error=None, **more) -> DeadLetter:
    failure = Failure(error or RecordError("expected a date, got none"), "decode", "vespa_sink.documents", **more)
    return dead_letter(record, failure, group="rowferry-vespa-sink", task="pod-1")


def test_the_original_record_is_kept():
    result = letter()
    assert (result.key, result.value) == (b"7", b"\xc3\x01payload")
    assert result.headers[:2] == (("trace", b"t"), ("none", None))


def test_headers_have_the_names_of_connect():
    assert dict(letter().headers[2:]) == {
        "__connect.errors.topic": b"cdc.public.photos",
        "__connect.errors.partition": b"2",
        "__connect.errors.offset": b"41",
        "__connect.errors.connector.name": b"rowferry-vespa-sink",
        "__connect.errors.task.id": b"pod-1",
        "__connect.errors.stage": b"decode",
        "__connect.errors.class.name": b"vespa_sink.documents",
        "__connect.errors.exception.class.name": b"schemas.errors.RecordError",
        "__connect.errors.exception.message": b"expected a date, got none",
        "__connect.errors.exception.stacktrace": b"",
        "rowferry.attempt": b"1",
        "rowferry.original_timestamp_ms": b"1700000000000",
    }


def test_a_tombstone_stays_one():
    assert letter(RECORD._replace(value=None)).value is None


def test_a_record_that_fails_again_has_the_headers_of_its_last_failure_once():
    first = letter()
    again = Record("cdc._retry.g", 0, 9, first.key, first.value, 1_800_000_000_000, first.headers)
    headers = letter(again, attempt=2).headers
    assert len({name for name, _ in headers}) == len(headers)
    assert dict(headers)["__connect.errors.topic"] == b"cdc._retry.g"
    assert dict(headers)["rowferry.attempt"] == b"2"
    assert dict(headers)["rowferry.original_timestamp_ms"] == b"1700000000000"


@pytest.mark.parametrize("error", [ValueError("row value 4711"), KeyError("4711")])
def test_messages_of_foreign_errors_are_left_out_since_they_may_quote_the_row(error):
    headers = dict(letter(error=error).headers)
    assert headers["__connect.errors.exception.message"] == type(error).__name__.encode()
    assert b"4711" not in b"".join(value or b"" for value in headers.values())


def test_a_long_message_is_cut():
    headers = dict(letter(error=RecordError("x" * 5000)).headers)
    assert headers["__connect.errors.exception.message"] == b"x" * 2000


def test_the_last_of_several_headers_of_one_name_counts():
    record = RECORD._replace(headers=(("a", b"1"), ("a", b"2")))
    assert record.header("a") == b"2"
    assert record.header("b") is None
