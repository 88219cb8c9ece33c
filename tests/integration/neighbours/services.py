"""The three services as processes, and what each says of its neighbours."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.nursery import NURSERY, Child
from tests.waiting import eventually

EXIT_S = 90.0


@dataclass
class ServiceProcess:
    """One of them; `flags` are its settings by their dotted names."""

    module: str
    log: Path
    flags: dict[str, str] = field(default_factory=dict)
    process: Child | None = None

    def start(self) -> ServiceProcess:
        flags = {"http.host": "127.0.0.1", "http.port": "0", "log.format": "json", **self.flags}
        words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", value)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")}
        with self.log.open("ab") as out:
            self.process = NURSERY.start(self.module, ["run", *words], kept, out)
        return self

    def lines(self) -> list[dict[str, Any]]:
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def losses(self, neighbour: str) -> list[str]:
        """What was logged of a neighbour, and nothing was of others: `lost` or `is back`."""
        lines = [line for line in self.lines() if line["event"].startswith("neighbour ")]
        assert {line["neighbour"] for line in lines} == {neighbour}
        return [line["event"].removeprefix("neighbour ") for line in lines]

    def told_in_turn(self, neighbour: str, times: int) -> bool:
        """Whether each loss was told once, and its end too; more losses than made are the machine's."""
        losses = self.losses(neighbour)
        return len(losses) >= 2 * times and losses == ["lost", "is back"] * (len(losses) // 2)

    def told(self) -> list[str]:
        """What it printed for people."""
        return [line for line in self.log.read_text().splitlines() if not line.startswith("{")]

    def get(self, path: str) -> tuple[int, str]:
        served = eventually(
            lambda: [line for line in self.lines() if line["event"] == "health and metrics served"], what="health"
        )
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{served[-1]['port']}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()

    def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return self.get("/readyz")[0] == 200

    def misses(self, neighbour: str) -> bool:
        """Whether it is not ready for want of this one, and its gauge says so too."""
        status, reasons = self.get("/readyz")
        gauge = f'rowferry_neighbour_up{{neighbour="{neighbour}"}} 0.0'
        return status == 503 and f"connection to {neighbour}: " in reasons and gauge in self.get("/metrics")[1]

    def ended(self) -> int:
        assert self.process is not None
        return self.process.wait(EXIT_S)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(EXIT_S)
