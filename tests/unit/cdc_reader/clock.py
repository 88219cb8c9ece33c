"""The clock of a world of fakes."""

from __future__ import annotations

from dataclasses import dataclass

from tests.unit.cdc_reader import messages


@dataclass
class Clock:
    """Time that stands still but for what the test, and what waits, add to it."""

    seconds: float = 1_000.0

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return messages.COMMIT_US / 1e6 + self.seconds

    def time_ns(self) -> int:
        return messages.COMMIT_US * 1_000 + int(self.seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
