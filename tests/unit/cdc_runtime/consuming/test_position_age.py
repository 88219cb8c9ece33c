from __future__ import annotations

import pytest

from cdc_runtime.consuming.position_age import (
    Commit,
    Found,
    as_of,
    from_metadata,
    must_resnapshot,
    retention_ms,
    to_metadata,
)

NOW = 1_700_000_000_000
WEEK = 7 * 24 * 3600 * 1000

FOUND = {
    "none, empty index": (Found(None, 0, WEEK, indexed=False), None),
    "none, rows in the index": (
        Found(None, 0, WEEK, indexed=True),
        "no committed position, but rows of the table are in the index",
    ),
    "fresh": (Found(Commit(5, NOW - WEEK), 9, WEEK, indexed=True), None),
    "old": (
        Found(Commit(5, NOW - WEEK - 1000), 9, WEEK, indexed=True),
        "the committed position is 604801 s old, tombstones are kept for 604800 s",
    ),
    "old, at the end": (Found(Commit(9, 0), 9, WEEK, indexed=True), None),
    "set by another program": (Found(Commit(0, None), 9, WEEK, indexed=True), None),
}


@pytest.mark.rule("V7")
@pytest.mark.parametrize(("found", "reason"), FOUND.values(), ids=FOUND)
def test_v7_snapshot_is_asked_for_when_tombstones_may_have_expired(found: Found, reason: str | None) -> None:
    assert must_resnapshot(found, NOW) == reason


def test_position_at_the_end_is_as_current_as_now() -> None:
    assert as_of(100, at_end=True, last_written_ms=200, now_ms=900) == 900


def test_position_short_of_the_end_is_as_current_as_the_last_record_or_before() -> None:
    assert as_of(100, at_end=False, last_written_ms=200, now_ms=900) == 200
    assert as_of(300, at_end=False, last_written_ms=200, now_ms=900) == 300


def test_records_of_the_future_do_not_make_a_position_newer_than_now() -> None:
    assert as_of(100, at_end=False, last_written_ms=5000, now_ms=900) == 900


def test_text_of_a_commit_reads_back() -> None:
    assert to_metadata(NOW) == "as_of_ms=1700000000000"
    assert from_metadata("as_of_ms=1700000000000") == NOW


@pytest.mark.parametrize("text", [None, "", "as_of_ms=", "as_of_ms=soon", "1700000000000"])
def test_text_of_others_says_nothing(text: str | None) -> None:
    assert from_metadata(text) is None


@pytest.mark.parametrize(
    ("config", "ms"), [({"delete.retention.ms": "60000"}, 60000), ({}, WEEK), ({"delete.retention.ms": "x"}, WEEK)]
)
def test_retention_comes_from_the_topic(config: dict[str, str], ms: int) -> None:
    assert retention_ms(config) == ms
