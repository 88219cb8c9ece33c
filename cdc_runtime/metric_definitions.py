"""What a metric is: its name, type, labels, and meaning (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MetricDef:
    """One metric. Counters are named without `_total` in Prometheus' client and with it everywhere else."""

    name: str
    type: Literal["counter", "gauge", "histogram", "info"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


def counter(name: str, help_: str, *labels: str) -> MetricDef:
    """A number that only rises."""
    return MetricDef(name, "counter", labels, help_)


def gauge(name: str, help_: str, *labels: str) -> MetricDef:
    """A number that rises and falls."""
    return MetricDef(name, "gauge", labels, help_)


def histogram(name: str, help_: str, *labels: str, buckets: tuple[float, ...]) -> MetricDef:
    """Counts of values by bucket."""
    return MetricDef(name, "histogram", labels, help_, buckets)
