"""
Edge: the product's services as processes, as an operator runs them: a command, an environment, a log, probes.

Tied to this process, or detached for a demo that is kept.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from devstack import ports
from devstack.demo import prometheus_text
from devstack.errors import DevstackError
from devstack.processes import Command, Identity, Process

REPOSITORY = Path(__file__).parent.parent.parent
_SERVED = "health and metrics served"
_ASK_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 20.0
_WIDTH = 400


class Service:
    """`python -m <module> run`; ended by `close`, and when tied by this process's end."""

    def __init__(self, name: str, module: str, log: Path, *, tied: bool) -> None:
        self.name = name
        self.log = log
        self._module = module
        self._process = Process(tied=tied, end_signal=signal.SIGKILL)

    @property
    def identity(self) -> Identity | None:
        """The process, to be found again by another one."""
        return self._process.identity

    def start(self, settings: Mapping[str, str]) -> None:
        """Start it with these settings (`ROWFERRY_*`) and no others; returns at once."""
        self.log.unlink(missing_ok=True)
        self._process.start(
            Command((sys.executable, "-m", self._module, "run"), REPOSITORY, clean_environment(settings), self.log)
        )

    def remove_at_end(self, *folders: Path) -> None:
        """Name the folders that go when this process ends, even by SIGKILL; for tied services."""
        self._process.remove_at_end(*folders)

    def require_alive(self) -> None:
        """Raise DevstackError with what it said last when it has ended."""
        if not self._process.alive:
            raise DevstackError(f"{self.name} has ended: {last_line(self.log)} (all: {self.log})")

    def url(self) -> str | None:
        """Where its probes and metrics are; None while it does not serve them yet."""
        ports_told = [event["port"] for event in _events(self.log) if event.get("event") == _SERVED]
        return f"http://{ports.HOST}:{ports_told[-1]}" if ports_told else None

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 while nothing is served. Raises as `require_alive`."""
        self.require_alive()
        url = self.url()
        if url is None:
            return 0.0
        try:
            with urllib.request.urlopen(f"{url}/metrics", timeout=_ASK_TIMEOUT_S) as answer:
                return prometheus_text.total(answer.read().decode(), name)
        except (OSError, http.client.HTTPException):
            self.require_alive()
            return 0.0

    def memory_bytes(self) -> tuple[int, int]:
        """Memory resident now, and the most that ever was, its children's too; zeros when it has ended."""
        identity = self._process.identity
        sizes = [_memory_of(pid) for pid in identity.tree()] if identity is not None else []
        return sum(now for now, _ in sizes), sum(most for _, most in sizes)

    def stop(self) -> None:
        """End it in order, as an operator would; by SIGKILL when that takes too long."""
        self._process.stop(signal.SIGTERM, _STOP_TIMEOUT_S)
        self._process.close()

    def close(self) -> None:
        """End it at once. May be called twice."""
        self._process.close()


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with these settings of the product instead of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")}
    return {**kept, **settings}


def last_line(log: Path) -> str:
    """What a service said last: services end with one line for people."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "it said nothing"
    event = _parsed(lines[-1])
    told = f"last event {event.get('event')!r}, {event.get('reason', 'no reason given')}" if event else lines[-1]
    return told if len(told) <= _WIDTH else told[: _WIDTH - 3] + "..."


def _memory_of(pid: int) -> tuple[int, int]:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    sizes = dict(line.split(":", 1) for line in text.splitlines() if line.startswith(("VmRSS", "VmHWM")))
    now, most = (int(sizes.get(name, "0 kB").split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def _events(log: Path) -> list[dict[str, object]]:
    text = log.read_text(errors="replace") if log.exists() else ""
    return [event for line in text.splitlines() if (event := _parsed(line))]


def _parsed(line: str) -> dict[str, object]:
    if not line.startswith("{"):
        return {}
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
