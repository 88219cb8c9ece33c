from __future__ import annotations

from devstack.demo.account import Results
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
        workload=WORKLOAD,
        to_kafka=Latency(700, 0.005, 0.02),
        to_index=Latency(699, 0.2, 0.9),
        comparison=COMPARISON,
    )

    summary = results.summary({"cdc-reader": (100 << 20, 110 << 20)}, {"comparison": 7.84}, 61.2)

    assert summary == [
        ("rows compared", "45,155 in 50 tables: equal"),
        ("transactions", "10,000 at 499 a second"),
        ("commit to Kafka", "p50 5.0 ms, p99 20.0 ms (700 rows)"),
        ("commit to Vespa", "p50 200 ms, p99 900 ms (699 rows)"),
        ("rows a second, snapshot", "400"),
        ("memory of cdc-reader", "100 MiB, 110 MiB at most"),
        ("time for comparison", "7.8 s"),
        ("time in all", "61.2 s"),
    ]


def test_difference_and_missing_markers_are_told() -> None:
    summary = dict(Results(workload=WORKLOAD, comparison={**COMPARISON, "equal": False}).summary({}, {}, 1.0))

    assert summary["rows compared"] == "45,155 in 50 tables: NOT EQUAL"
    assert summary["commit to Vespa"] == "no marker came"
