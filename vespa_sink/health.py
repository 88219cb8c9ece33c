"""Tells the probes what is wrong, or that it no longer is."""

from __future__ import annotations

from cdc_runtime.health import Health
from cdc_runtime.subjects import Subject


def report(health: Health, subject: Subject, reason: str | None) -> None:
    """Show the reason why a subject is not ready, or take it back."""
    if reason is None:
        health.ready(subject)
    else:
        health.not_ready(reason, subject)
