from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import TopicPartition
from schemas.names import TableName
from vespa_sink.redriving.given_up import GivenUp, Lack, Row

pytestmark = pytest.mark.rule("V13")
MINE, ANOTHERS = TopicPartition("cdc.public.rows", 0), TopicPartition("cdc.public.rows", 1)
LACK = Lack(TableName("public", "rows"), "title")


def _given_up() -> GivenUp:
    return GivenUp(lambda place: place == MINE, most_rows=3)


def _row(key: int, version: int = 1, at: TopicPartition = MINE) -> Row:
    return Row(at, str(key).encode(), version)


def test_newest_version_of_a_row_that_was_given_up_counts() -> None:
    given_up = _given_up()
    assert [given_up.note(LACK, _row(7, version)) for version in (1, 2)] == [True, False]
    assert given_up.rows(LACK) == [_row(7, 2)]
    given_up.forget(LACK, [_row(7, 1)])
    assert given_up.rows(LACK) == [_row(7, 2)]


def test_rows_of_partitions_that_are_anothers_wait_for_it() -> None:
    given_up = _given_up()
    given_up.note(LACK, _row(7, at=ANOTHERS))
    assert (list(given_up), given_up.counts(), given_up.rows(LACK)) == ([], {}, [])
    given_up.note(LACK, _row(8))
    given_up.forget(LACK, given_up.rows(LACK))
    assert given_up.note(LACK, _row(9)) is False, "the other's row is still known"


def test_beyond_the_bound_the_whole_table_waits() -> None:
    given_up = _given_up()
    for key in range(5):
        given_up.note(LACK, _row(key))
    assert (len(given_up.rows(LACK)), given_up.is_whole(LACK), given_up.counts()) == (3, True, {LACK: 5})
    given_up.forget(LACK, given_up.rows(LACK), whole=True)
    assert given_up.counts() == {}
    assert given_up.note(LACK, _row(1)) is True
