from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.row_changes import RowDelete
from schemas.names import TableName
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.topics import TableTopic
from vespa_sink.vespa.searches import Doubts
from vespa_sink.writes.attempts import Attempt
from vespa_sink.writes.held import Held, HeldBounds
from vespa_sink.writes.write_order import Write

pytestmark = pytest.mark.rule("V13")


def _attempt(number: int, *, table: str = "rows", refusals: int = 1, size: int = 100) -> Attempt:
    topic = TopicPartition(f"cdc.public.{table}", 0)
    partition = SinkPartition(topic, TableTopic(TableName("public", table)), Doubts(0.0))
    record = Record(*topic, number, b"", b"x" * size, 0, ())
    change = RowDelete(record, number, b"k")
    return Attempt(Write(partition, f"{table}/{number}", number, change), refusals=refusals)


def _held(documents: int = 10, size: int = 100_000) -> Held:
    return Held(HeldBounds(documents, size), lambda: 1.0)


def test_each_refusal_has_a_longer_pause_up_to_a_quarter_of_a_minute() -> None:
    held, pauses = _held(), []
    for refusals in range(1, 8):
        attempt = _attempt(1, refusals=refusals)
        held.hold(attempt, 0.0)
        pause = next(tenths / 10 for tenths in range(1000) if held.due(tenths / 10, lambda table: False))
        held.ended(attempt)
        pauses.append(pause)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


def test_documents_of_open_tables_are_not_due() -> None:
    held = _held()
    rows, others = _attempt(1), _attempt(2, table="others")
    for each in (rows, others):
        held.hold(each, 0.0)
    assert held.due(100.0, lambda table: table == rows.table) == [others]
    assert held.some_of(others.table, 5) == []
    assert held.some_of(rows.table, 5) == [rows]
    assert held.due(100.0, lambda table: False) == []


def test_everything_is_due_when_the_index_has_changed() -> None:
    held = _held()
    held.hold(_attempt(1, refusals=9), 0.0)
    assert held.due(1.0, lambda table: False) == []
    held.hurry(1.0)
    assert len(held.due(1.0, lambda table: False)) == 1


def test_half_of_the_room_is_kept_for_tables_that_pass() -> None:
    held = _held(documents=4)
    held.hold(_attempt(1), 0.0)
    assert held.has_room
    held.hold(_attempt(2), 0.0)
    assert not held.has_room
    assert not held.full


@pytest.mark.parametrize(("documents", "size"), [(3, 100_000), (100, 1500)], ids=["number", "bytes"])
def test_at_the_bound_what_was_refused_ten_times_is_one_too_many(documents: int, size: int) -> None:
    held = _held(documents, size)
    for number in range(3):
        assert not held.too_many(_attempt(9, refusals=10))
        held.hold(_attempt(number, refusals=5), 0.0)
    assert held.full
    assert held.too_many(_attempt(9, refusals=10))
    assert not held.too_many(_attempt(9, refusals=9))
    soon = _attempt(9, refusals=9)
    held.hold(soon, 0.0)
    assert held.due(0.5, lambda table: False) == [soon], "it is sent again as soon as may be"


def test_document_that_is_sent_again_counts_until_it_ends() -> None:
    held, attempt = _held(documents=1, size=1000), _attempt(1)
    held.hold(attempt, 0.0)
    for _ in range(2):
        assert held.due(9.0, lambda table: False) == [attempt]
        assert (len(held), held.full) == (1, True)
        held.hold(attempt, 0.0)
    held.due(9.0, lambda table: False)
    held.ended(attempt)
    held.ended(attempt)
    held.ended(_attempt(2))
    assert (len(held), held.full, held.has_room) == (0, False, True)
