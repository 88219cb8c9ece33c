"""Rule V7: when tombstones may have expired unread, the table is asked for again; rule V8: versions of the future."""

from __future__ import annotations

import time

import pytest

from cdc_runtime.consuming.position_age import CommittedPosition
from tests.waiting import eventually

DAY_MS = 24 * 3600 * 1000


def _row(index, doc_id: str, partition: int, version: int) -> None:
    table, _, key = doc_id.partition("/")
    index.put(
        doc_id,
        {
            "doc_id": doc_id,
            "namespace": index.namespace,
            "source_table": table,
            "source_id": key,
            "source_partition": partition,
            "version": version,
            "deleted": False,
        },
    )


def _age_s(committed: dict[int, tuple[int, str | None]]) -> float:
    """How old the oldest of these positions is."""
    positions = [CommittedPosition.read(*each) for each in committed.values()]
    return max(time.time() - (each.as_of_ms or 0) / 1000 for each in positions)


def _asked(feeder) -> list[str]:
    return [table for command in feeder.commands() for table in command["tables"]]


def test_v7_first_start_on_an_empty_index_asks_for_nothing(feeder, index, sink) -> None:
    table = feeder.table("fresh")
    version = feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.version("fresh/1") == version, what="the row")
    eventually(lambda: len(feeder.committed(sink.group, table)) == 2, what="both partitions committed")
    assert feeder.commands() == []
    assert all(text.startswith("as_of_ms=") for _, text in feeder.committed(sink.group, table).values())


def test_v7_no_position_but_rows_in_the_index_asks_for_a_snapshot_once(feeder, index, sink, make_sink, vespa) -> None:
    table = feeder.table("left")
    for partition in (0, 1):
        _row(index, f"left/{partition}", partition, 1)
    eventually(lambda: _asked(feeder) == ["public.left"], what="the command")
    eventually(lambda: len(feeder.committed(sink.group, table)) == 2, what="both partitions committed")
    sink.stop()
    again = make_sink(vespa.url)
    version = feeder.put(table, {"id": 9, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.version("left/9") == version, what="the row")
    again.stop()
    assert _asked(feeder) == ["public.left"]


@pytest.mark.rule("V7")
def test_v7_old_position_and_one_of_unknown_age_ask_for_a_snapshot(feeder, index, make_sink, vespa) -> None:
    """Where rows are in the index, and records unread; another program committed the position of unknown age."""
    now_ms = int(time.time() * 1000)
    old, young = f"as_of_ms={now_ms - 8 * DAY_MS}", f"as_of_ms={now_ms - 6 * DAY_MS}"
    group = f"{feeder.kafka.prefix}-sink"
    for name, text in (("old", old), ("unknown", ""), ("young", young), ("empty", old)):
        table = feeder.table(name)
        for row in range(10):
            feeder.put(table, {"id": row, "title": "a", "project_id": 1})
        feeder.flush()
        feeder.commit(group, table, {0: 0, 1: 0}, text)
        for partition in (0, 1) if name != "empty" else ():
            _row(index, f"{name}/left-{partition}", partition, 1)
    sink = make_sink(vespa.url)
    eventually(lambda: len(_asked(feeder)) == 2, what="the commands")
    eventually(lambda: all(index.get(f"{name}/1") for name in ("old", "unknown", "young", "empty")), what="the rows")
    assert sorted(_asked(feeder)) == ["public.old", "public.unknown"]
    assert sink.metric("rowferry_sink_snapshots_asked_total") == 2


def test_v7_old_position_at_the_end_asks_for_nothing(feeder, index, make_sink, vespa) -> None:
    table = feeder.table("idle")
    group = f"{feeder.kafka.prefix}-sink"
    for row in range(10):
        feeder.put(table, {"id": row, "title": "a", "project_id": 1})
    feeder.flush()
    ends = feeder.ends(table)
    feeder.commit(group, table, ends, f"as_of_ms={int(time.time() * 1000) - 30 * DAY_MS}")
    sink = make_sink(vespa.url)
    eventually(lambda: _age_s(feeder.committed(sink.group, table)) < 60, what="positions that are current")
    version = feeder.put(table, {"id": 99, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.version("idle/99") == version, what="the row")
    assert feeder.commands() == []


def test_v8_version_from_the_future_in_the_index_is_an_alarm(feeder, index, sink) -> None:
    table = feeder.table("ahead")
    _row(index, "ahead/1", 0, (time.time_ns() // 1000) + 3600 * 1_000_000)
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: sink.metric("rowferry_sink_future_versions_total") == 1, what="the alarm")
    (event,) = sink.events("the index holds a version from the future: newer rows are refused")
    assert 3500 < event["ahead_s"] <= 3600
