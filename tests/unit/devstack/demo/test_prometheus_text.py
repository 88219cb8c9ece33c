from __future__ import annotations

import pytest

from devstack.demo.prometheus_text import total

TEXT = """\
# HELP rows_total Rows.
# TYPE rows_total counter
rows_total{table="public.photos"} 7.0
rows_total{table="public.odd \\"} name"} 5.0
rows_total_created{table="public.photos"} 1.7e+09
ready 1.0
seconds_sum 1.5e-3 1700000000
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [("rows_total", 12.0), ("ready", 1.0), ("seconds_sum", 0.0015), ("rows", 0.0)],
    ids=["labels are summed", "without labels", "with a time", "unknown"],
)
def test_metric_is_summed_over_its_labels(name: str, value: float) -> None:
    assert total(TEXT, name) == value
