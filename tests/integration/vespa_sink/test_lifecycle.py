"""Starting, stopping, dying, sharing the work: nothing is skipped, and what is wrong is said in one line."""

from __future__ import annotations

import signal
import socket

import pytest

from cdc_runtime.settings.models import KafkaSettings
from tests.integration.vespa_sink.pipeline import SinkProcess
from tests.waiting import eventually

ROWS = 1500


def _fill(feeder, table, rows: int = ROWS) -> dict[int, int]:
    versions = {row: feeder.put(table, {"id": row, "title": "first", "project_id": 1}) for row in range(rows)}
    feeder.flush()
    return versions


def _indexed(index, table: str, versions: dict[int, int]) -> bool:
    return all(index.version(f"{table}/{row}") == version for row, version in reversed(versions.items()))


def _committed(feeder, sink, table) -> bool:
    committed = {p: o for p, (o, _) in feeder.committed(sink.group, table).items()}
    return bool(committed == feeder.ends(table))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_sink_that_ends_under_load_goes_on_without_a_gap(feeder, index, make_sink, vespa, number) -> None:
    table = feeder.table("rows")
    versions = _fill(feeder, table)
    first = make_sink(vespa.url)
    eventually(lambda: first.metric("rowferry_sink_operations_total", result="applied") > 50, what="some writes")
    code = first.stop(number)
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    versions[0] = feeder.put(table, {"id": 0, "title": "second", "project_id": 1})
    feeder.flush()
    second = make_sink(vespa.url)
    # A killed member's partitions are free when its session has ended.
    eventually(lambda: _indexed(index, "rows", versions), 150, what="all rows")
    eventually(lambda: _committed(feeder, second, table), what="all offsets")
    assert feeder.dead_letters(second.group) == []


def test_sigterm_commits_what_was_written(feeder, index, make_sink, vespa) -> None:
    table = feeder.table("rows")
    versions = _fill(feeder, table, 50)
    sink = make_sink(vespa.url, commit_interval_s="60")
    eventually(lambda: _indexed(index, "rows", versions), what="all rows")
    assert sink.stop() == 0
    assert _committed(feeder, sink, table)
    assert sink.events("sink stopped")


def test_two_members_share_the_partitions_and_one_takes_all_when_the_other_ends(
    feeder, index, make_sink, vespa
) -> None:
    table = feeder.table("rows")
    versions = _fill(feeder, table)
    one = make_sink(vespa.url)
    eventually(lambda: one.metric("rowferry_sink_operations_total", result="applied") > 50, what="some writes")
    two = make_sink(vespa.url, revoke_timeout_s="0.5")
    assigned = "rowferry_consumer_assigned_partitions"
    eventually(lambda: one.metric(assigned) >= 1 and two.metric(assigned) >= 1, what="both to hold partitions")
    versions.update({row: feeder.put(table, {"id": row, "title": "b", "project_id": 1}) for row in range(200)})
    feeder.flush()
    assert one.stop() == 0
    eventually(lambda: two.metric(assigned) == 3, what="the other to hold all")
    versions.update({row: feeder.put(table, {"id": row, "title": "c", "project_id": 1}) for row in range(100)})
    feeder.flush()
    eventually(lambda: _indexed(index, "rows", versions), 150, what="all rows")
    eventually(lambda: _committed(feeder, two, table), what="all offsets")


def test_p10_unknown_schema_holds_its_partition_until_it_is_published(feeder, index, sink) -> None:
    table = feeder.table("early", announce=False)
    other = feeder.table("rows")
    version = feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    newer = feeder.put(table, {"id": 1, "title": "b", "project_id": 1})
    feeder.put(other, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="the row of another table")
    eventually(lambda: "expected a schema with fingerprint" in sink.ready()[1], what="the reason")
    assert index.get("early/1") is None
    feeder.announce_schema(table, feeder.schema_of("early"))
    feeder.flush()
    eventually(lambda: "expected table public.early in the tables topic" in sink.ready()[1], what="the next reason")
    feeder.announce(table)
    eventually(lambda: index.version("early/1") == newer, what="the row")
    eventually(lambda: sink.ready()[0], what="readiness")
    assert version < newer
    assert feeder.dead_letters(sink.group) == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_vespa_that_never_answers_ends_the_sink_with_69_and_one_line(feeder, make_sink) -> None:
    feeder.table("rows")
    url = f"http://127.0.0.1:{_free_port()}"
    sink = make_sink(url, start_timeout_s="1")
    assert sink.wait() == 69
    lines = [line for line in sink.log.read_text().splitlines() if line.startswith("vespa-sink:")]
    assert lines == [
        f"vespa-sink: expected Vespa at {url} to answer within 1 s, got Connection refused; "
        "start Vespa, or set vespa.url"
    ]


def test_kafka_that_never_answers_ends_the_sink_with_69(tmp_path) -> None:
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{_free_port()}", prefix="none")
    sink = SinkProcess(kafka, "http://127.0.0.1:1", "none", tmp_path / "log", options={"start-timeout-s": "1"}).start()
    assert sink.wait() == 69
    assert "expected Kafka at" in sink.log.read_text()


@pytest.mark.remedy("let vespa.url lead to Vespa, to a container with <document-api/>")
def test_wrong_path_ends_the_sink_with_78(feeder, make_sink, faulty_vespa, vespa, vespa_namespace) -> None:
    faulty_vespa.set_fault(404, match=f"id:{vespa_namespace}:")
    sink = make_sink(faulty_vespa.url)
    assert sink.wait() == 78
    assert "let vespa.url lead to Vespa, to a container with <document-api/>" in sink.log.read_text()
    there = make_sink(vespa.url)
    eventually(lambda: there.ready()[0], what="readiness")


def test_refused_writes_end_the_sink_with_77(feeder, index, make_sink, faulty_vespa, vespa_namespace) -> None:
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url)
    eventually(lambda: sink.ready()[0], what="readiness")
    faulty_vespa.set_fault(403, match=f"id:{vespa_namespace}:")
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    assert sink.wait() == 77
    assert "expected to be allowed to write documents" in sink.log.read_text()


def test_d7_index_of_another_pipeline_is_refused(feeder, index, make_sink, vespa) -> None:
    index.put(
        "rfis",
        {"table_name": "rfis", "namespace": index.namespace, "prefix": "other", "deleted": False, "version": 1},
        "procore_schema",
    )
    sink = make_sink(vespa.url)
    assert sink.wait() == 78
    assert "got those of 'other'" in sink.log.read_text()
