"""
Rule V7, clause by clause.

Each was seen red with its clause taken out (`tests.mutants.runtime`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from cdc_runtime.consuming.missed_deletes import reason_to_ask, retention_ms
from cdc_runtime.consuming.position_age import CommittedPosition

NOW = 1_700_000_000_000
HOUR = 3_600_000
WEEK = 7 * 24 * HOUR
OLD = CommittedPosition(5, NOW - WEEK - 1000)
OLD_REASON = "the committed position is 604801 s old, deletes are kept for 604800 s"


@dataclass
class Facts:
    """A partition whose topic keeps tombstones for a week; notes what it was asked."""

    rows: bool = True
    records: bool = True
    kept_ms: int = WEEK
    asked: list[str] = field(default_factory=list)

    def retention_ms(self) -> int:
        self.asked.append("retention")
        return self.kept_ms

    def holds_rows(self) -> bool:
        self.asked.append("rows")
        return self.rows

    def unread(self, next_offset: int) -> bool:
        self.asked.append(f"records from {next_offset}")
        return self.records


@pytest.mark.rule("V7")
def test_v7_position_that_is_older_than_tombstones_are_kept_asks() -> None:
    assert reason_to_ask(OLD, Facts(), NOW) == OLD_REASON


@pytest.mark.rule("V7")
def test_v7_position_that_is_as_old_as_tombstones_are_kept_does_not() -> None:
    assert reason_to_ask(CommittedPosition(5, NOW - WEEK), Facts(), NOW) is None


@pytest.mark.rule("V7")
def test_v7_no_position_asks_when_rows_are_held() -> None:
    reason = "no committed position, but rows of the table are in the index"
    assert reason_to_ask(None, Facts(records=False), NOW) == reason


@pytest.mark.rule("V7")
def test_v7_age_that_is_not_known_counts_as_old() -> None:
    facts = Facts()
    reason = "the age of the committed position is not known: another program committed it"
    assert reason_to_ask(CommittedPosition(5, None), facts, NOW) == reason
    assert facts.asked == ["rows", "records from 5"]


@pytest.mark.rule("V7")
@pytest.mark.parametrize("position", [None, CommittedPosition(5, None), OLD], ids=["none", "unknown", "old"])
def test_v7_empty_index_asks_nothing(position: CommittedPosition | None) -> None:
    assert reason_to_ask(position, Facts(rows=False), NOW) is None


@pytest.mark.rule("V7")
@pytest.mark.parametrize("position", [CommittedPosition(5, None), OLD], ids=["unknown", "old"])
def test_v7_only_a_record_that_can_be_read_counts(position: CommittedPosition) -> None:
    assert reason_to_ask(position, Facts(records=False), NOW) is None


@pytest.mark.rule("V7")
def test_v7_young_position_costs_no_question() -> None:
    facts = Facts(kept_ms=0)
    assert reason_to_ask(CommittedPosition(5, NOW - HOUR), facts, NOW) is None
    assert facts.asked == []


@pytest.mark.rule("V7")
def test_v7_topic_says_how_long_it_keeps_tombstones() -> None:
    facts = Facts(kept_ms=2 * HOUR)
    reason = "the committed position is 7201 s old, deletes are kept for 7200 s"
    assert reason_to_ask(CommittedPosition(5, NOW - 2 * HOUR - 1000), facts, NOW) == reason
    assert facts.asked == ["retention", "rows", "records from 5"]


@pytest.mark.parametrize(
    ("config", "ms"), [({"delete.retention.ms": "60000"}, 60000), ({}, WEEK), ({"delete.retention.ms": "x"}, WEEK)]
)
def test_retention_comes_from_the_topic(config: dict[str, str], ms: int) -> None:
    assert retention_ms(config) == ms
