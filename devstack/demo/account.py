"""What was asked for, what was found, and the summary of it (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.demo.file_check import FileTally
from devstack.demo.latency import Latency
from devstack.sample.load import LoadReport
from devstack.sample.rows import Size


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line."""

    data: Path
    keep: bool = False
    factor: float = 1.0
    seed: int = 1
    seconds: float = 20.0
    rate: float = 500.0

    @property
    def size(self) -> Size:
        """Of the sample."""
        return Size(self.seed, self.factor)


@dataclass(frozen=True, slots=True)
class Polled:
    """A view that is polled, and how many rows it had at first."""

    view: str
    rows: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A table that cannot be captured, why, and what brings it in."""

    table: str
    why: str
    remedy: str


@dataclass(slots=True)
class Results:
    """What the steps have found, for the summary."""

    loaded: LoadReport | None = None
    polled: Polled | None = None
    refused: Refused | None = None
    snapshot_s: float = 0.0
    references: int = 0
    files_s: float = 0.0
    workload: dict[str, Any] = field(default_factory=dict)
    to_kafka: Latency | None = None
    to_index: Latency | None = None
    to_files: Latency | None = None
    comparison: dict[str, Any] = field(default_factory=dict)
    files: FileTally | None = None

    @property
    def snapshot_rows_per_s(self) -> float:
        """Rows that were read, published and indexed in a second, the start of the services included."""
        return self.loaded.captured_rows / self.snapshot_s if self.loaded and self.snapshot_s else 0.0

    @property
    def files_per_s(self) -> float:
        """References whose end was in the index in a second, the start of the services included."""
        return self.references / self.files_s if self.files_s else 0.0

    def summary(
        self, memory_bytes: Mapping[str, tuple[int, int]], durations_s: Mapping[str, float], elapsed_s: float
    ) -> list[tuple[str, str]]:
        """Names and values, in order; `memory_bytes`: by service, now and at most."""
        report = self.comparison
        verdict = "equal" if report["equal"] else "NOT EQUAL"
        return [
            ("rows compared", f"{report['rows']:,} in {len(report['tables'])} tables: {verdict}"),
            *self._captured_otherwise(),
            ("files compared", _told(self.files)),
            ("transactions", f"{self.workload['transactions']:,} at {self.workload['per_second']:,.0f} a second"),
            ("commit to Kafka", str(self.to_kafka or "no marker came")),
            ("commit to Vespa", str(self.to_index or "no marker came")),
            ("commit to a file in Vespa", str(self.to_files or "no file came")),
            ("rows a second, snapshot", f"{self.snapshot_rows_per_s:,.0f}"),
            ("files a second, snapshot", f"{self.files_per_s:,.0f}"),
            *(
                (f"memory of {name}", f"{now >> 20} MiB, {most >> 20} MiB at most")
                for name, (now, most) in memory_bytes.items()
            ),
            *((f"time for {name}", f"{seconds:.1f} s") for name, seconds in durations_s.items()),
            ("time in all", f"{elapsed_s:.1f} s"),
        ]

    def _captured_otherwise(self) -> Iterator[tuple[str, str]]:
        """What is polled, and what is not captured at all."""
        if self.polled is not None:
            [found] = [table for table in self.comparison["tables"] if table["table"] == self.polled.view]
            verdict = "equal" if found["equal"] else "NOT EQUAL"
            yield f"polled: view {self.polled.view}", f"{found['rows']:,} rows: {verdict}"
        if self.refused is not None:
            yield f"not captured: table {self.refused.table}", self.refused.why
            yield "what brings it in", self.refused.remedy


def _told(files: FileTally | None) -> str:
    if files is None:
        return "not reached"
    counts = f"{files.references:,} references, {files.texts:,} texts, {files.rows:,} rows of spreadsheets"
    return f"{counts}: {'equal' if files.equal else 'NOT EQUAL'}"
