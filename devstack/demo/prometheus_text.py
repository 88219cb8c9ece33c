"""Reads what a service shows under /metrics (pure)."""

from __future__ import annotations

import re

_SAMPLE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})?\s+(\S+)", re.MULTILINE)


def total(text: str, name: str) -> float:
    """The sum of a metric over all its labels; 0 when it is not there."""
    return sum(float(value) for found, value in _SAMPLE.findall(text) if found == name)
