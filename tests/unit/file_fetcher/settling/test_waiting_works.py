"""Which works go into the next transaction."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.settling.settlement import Settlement
from file_fetcher.settling.waiting_works import WaitingWorks
from file_fetcher.work import Work
from tests.unit.file_fetcher.rows import PARTITION, row, work


def works(*offsets: int) -> list[Work]:
    return [work(row(10), offset=offset) for offset in offsets]


def offsets(waiting: WaitingWorks, size: int = 1) -> list[int]:
    return [each.record.offset for each, _ in waiting.begin(lambda _: Settlement(size=size))]


@pytest.mark.rule("F1")
def test_f1_works_of_a_transaction_that_did_not_happen_come_first() -> None:
    """Red when `begin` looks at `_later` alone: their offsets would go out without their effects."""
    waiting = WaitingWorks()
    waiting.add(works(5, 6))
    assert offsets(waiting) == [5, 6]
    waiting.add(works(7))
    assert waiting.unsettled
    assert offsets(waiting) == [5, 6, 7]
    waiting.happened()
    assert (bool(waiting), offsets(waiting)) == (False, [])


@pytest.mark.rule("F1")
def test_large_works_are_shared_out_but_what_was_together_stays_so() -> None:
    """Red without the bound; F1 red when the bound holds for works whose offsets are done as well."""
    waiting = WaitingWorks()
    waiting.add(works(5, 6, 7))
    assert offsets(waiting, size=12_000) == [5]
    waiting.happened()
    assert offsets(waiting, size=10_000) == [6, 7]
    assert offsets(waiting, size=30_000) == [6, 7]


def test_one_work_that_is_too_large_goes_alone() -> None:
    waiting = WaitingWorks()
    waiting.add(works(5, 6))
    assert offsets(waiting, size=1_000_000) == [5]


def test_what_waits_for_a_partition_that_is_not_ours_is_forgotten() -> None:
    waiting = WaitingWorks()
    waiting.add(works(5))
    offsets(waiting)
    waiting.add(works(6))
    waiting.drop({TopicPartition(PARTITION.topic, 9)})
    assert (bool(waiting), waiting.unsettled) == (True, True)
    waiting.drop({PARTITION})
    assert (bool(waiting), waiting.unsettled) == (False, False)
