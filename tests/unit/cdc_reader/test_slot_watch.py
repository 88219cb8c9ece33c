"""A slot that is about to be lost is told before it is, once, and once that it is safe again."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from cdc_reader.metrics import ReaderMetrics
from cdc_reader.slot_watch import SlotWatch
from cdc_runtime.health import Health
from cdc_runtime.metrics import Metrics
from schemas.errors import AccessDenied, Unreachable
from tests.unit.cdc_reader.clock import Clock
from tests.unit.cdc_reader.connections import Connection
from tests.unit.cdc_reader.slots import SlotFacts
from tests.unit.cdc_reader.source import Source

GB = 1024**3
SAFE = {"keep_bytes": 64 * GB, "safe_bytes": 60 * GB, "active_pid": 4711}
SHORT = {"keep_bytes": 64 * GB, "safe_bytes": 15 * GB, "kept_bytes": 49 * GB}


class Watched:
    """A slot, and what is told of it with each look."""

    def __init__(self) -> None:
        self.source = Source(Clock(), slots={"s": 0x1000})
        self.registry = Metrics("cdc-reader", "1")
        self.health = Health("cdc-reader")
        self.watch = SlotWatch("s", ReaderMetrics(self.registry, self.health, slot="s"))

    def look(self, **facts: Any) -> list[dict[str, Any]]:
        self.source.slot_facts = SlotFacts(**{**SAFE, **facts})
        with capture_logs() as logs:
            self.watch(Connection(self.source))
        return [{name: value for name, value in each.items() if name != "log_level"} for each in logs]

    def events(self, **facts: Any) -> list[str]:
        return [each["event"] for each in self.look(**facts)]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.registry.get_sample_value(f"rowferry_reader_slot_{name}", {"slot": "s", **labels})


def test_slot_that_runs_short_of_wal_is_told_once_and_once_that_it_is_safe() -> None:
    watched = Watched()
    assert watched.look() == []
    assert watched.look(**SHORT) == [
        {
            "event": "slot_in_danger",
            "slot": "s",
            "expected": "a slot that keeps all its WAL",
            "found": "one that loses its WAL when 15360 MB more are written (50176 MB are kept)",
            "remedy": "ALTER SYSTEM SET max_slot_wal_keep_size = '131073MB'; SELECT pg_reload_conf();",
        }
    ]
    assert watched.events(**SHORT) == []
    # It wavers about the bound: no second alarm before half of the room is free again.
    assert watched.events(**{**SHORT, "safe_bytes": 31 * GB}) == []
    assert watched.look(**{**SHORT, "safe_bytes": 33 * GB}) == [{"event": "slot_is_safe", "slot": "s"}]
    assert watched.events(**{**SHORT, "safe_bytes": 31 * GB}) == []


def test_each_step_towards_the_loss_is_told() -> None:
    watched = Watched()
    assert watched.events(**SHORT) == ["slot_in_danger"]
    assert watched.events(wal_status="unreserved", safe_bytes=0) == ["slot_in_danger"]
    [lost] = watched.look(wal_status="lost", invalid="wal_removed", active_pid=None)
    assert (lost["event"], lost["found"]) == ("slot_lost", "one that lost its WAL (wal_removed)")
    assert lost["remedy"].startswith("raise max_slot_wal_keep_size; ")


@pytest.mark.parametrize("facts", [SHORT, {"wal_status": "unreserved"}])
def test_slot_that_no_one_reads_is_mended_by_a_reader(facts: dict[str, Any]) -> None:
    [told] = Watched().look(**facts, active_pid=None)
    assert told["remedy"] == "start the reader at once"


def test_idle_timeout_that_is_too_short_is_told_before_the_slot_is_idle() -> None:
    watched = Watched()
    [told] = watched.look(idle_timeout_s=3600)
    assert (told["event"], told["found"]) == (
        "slot_in_danger",
        "3600 s: the slot is lost when the reader stands still for so long",
    )
    assert told["remedy"] == "ALTER SYSTEM SET idle_replication_slot_timeout = '7d'; SELECT pg_reload_conf();"
    assert watched.events(idle_timeout_s=7 * 86400) == []
    [lost] = watched.look(wal_status="lost", invalid="idle_timeout", active_pid=None)
    assert lost["remedy"].startswith("raise idle_replication_slot_timeout; ")


def test_metrics_and_status_show_the_slot() -> None:
    watched = Watched()
    watched.look(**SHORT, idle_s=12, active_pid=None)
    assert watched.metric("state", state="reserved") == 1
    assert watched.metric("state", state="lost") == 0
    assert watched.metric("retained_bytes") == 49 * GB
    assert watched.metric("safe_bytes") == 15 * GB
    assert watched.metric("idle_seconds") == 12
    assert watched.metric("alarm_active") == 1
    found = ["one that loses its WAL when 15360 MB more are written (50176 MB are kept)"]
    assert watched.health.status()["slot_in_danger"] == found

    watched.look(keep_bytes=None, safe_bytes=None, wal_status="extended")
    assert (watched.metric("safe_bytes"), watched.metric("idle_seconds"), watched.metric("alarm_active")) == (
        None,
        0,
        0,
    )
    assert watched.metric("state", state="extended") == 1
    assert watched.health.status()["slot_in_danger"] is None

    watched.source.slots.clear()
    watched.look()
    assert (watched.metric("state", state="extended"), watched.metric("retained_bytes")) == (0, None)


def test_server_that_refuses_is_there_and_one_that_is_gone_is_not() -> None:
    watched = Watched()
    watched.source.failing["AS keep_bytes"] = AccessDenied("cannot read pg_replication_slots: permission denied")
    assert watched.look() == [
        {
            "event": "slot_not_watched",
            "slot": "s",
            "reason": "cannot read pg_replication_slots: permission denied",
        }
    ]
    assert watched.look() == []
    watched.source.failing["AS keep_bytes"] = Unreachable("no answer")
    with pytest.raises(Unreachable):
        watched.look()
