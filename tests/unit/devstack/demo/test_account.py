from __future__ import annotations

from collections import Counter

from devstack.demo.account import Results
from devstack.demo.file_check import FileTally
from devstack.demo.latency import Latency
from devstack.sample.load import LoadReport
from devstack.sample.tables import CAPTURED

COMPARISON = {"equal": True, "rows": 45_155, "tables": [{}] * 50}
NAMES = [table.name for table in CAPTURED]
WORKLOAD = {"transactions": 10_000, "per_second": 499.4}


def test_summary_tells_rows_transactions_latencies_memory_and_times() -> None:
    results = Results(
        loaded=LoadReport({**dict.fromkeys(NAMES, 20), "sync_events": 7}, 1.0),
        snapshot_s=2.5,
        references=300,
        files_s=4.0,
        workload=WORKLOAD,
        to_kafka=Latency(700, 0.005, 0.02),
        to_index=Latency(699, 0.2, 0.9),
        to_files=Latency(80, 0.4, 1.2, "files"),
        comparison=COMPARISON,
        files=FileTally(Counter({("fetched", ""): 1200, ("failed", "not_found"): 34}), texts=700, rows=56),
    )

    summary = results.summary({"cdc-reader": (100 << 20, 110 << 20)}, {"comparison": 7.84}, 61.2)

    assert summary == [
        ("rows compared", "45,155 in 50 tables: equal"),
        ("files compared", "1,234 references, 700 texts, 56 rows of spreadsheets: equal"),
        ("transactions", "10,000 at 499 a second"),
        ("commit to Kafka", "p50 5.0 ms, p99 20.0 ms (700 rows)"),
        ("commit to Vespa", "p50 200 ms, p99 900 ms (699 rows)"),
        ("commit to a file in Vespa", "p50 400 ms, p99 1,200 ms (80 files)"),
        ("rows a second, snapshot", "400"),
        ("files a second, snapshot", "75"),
        ("memory of cdc-reader", "100 MiB, 110 MiB at most"),
        ("time for comparison", "7.8 s"),
        ("time in all", "61.2 s"),
    ]


def test_difference_and_missing_markers_are_told() -> None:
    results = Results(workload=WORKLOAD, comparison={**COMPARISON, "equal": False}, files=FileTally(different=1))
    summary = dict(results.summary({}, {}, 1.0))

    assert summary["rows compared"] == "45,155 in 50 tables: NOT EQUAL"
    assert summary["files compared"] == "0 references, 0 texts, 0 rows of spreadsheets: NOT EQUAL"
    assert summary["commit to Vespa"] == "no marker came"
    assert summary["commit to a file in Vespa"] == "no file came"


def test_files_are_not_compared_where_the_comparison_before_has_failed() -> None:
    summary = dict(Results(workload=WORKLOAD, comparison={**COMPARISON, "equal": False}).summary({}, {}, 1.0))

    assert summary["files compared"] == "not reached"
