"""
Buckets and hosts that are left alone for a while (pure; one breaker for each origin).

Rule 1: failures in a row (or one that says that nothing can be had there) open it; while it is open nothing is tried.
Rule 2: after its time one try is let through: it closes again, or stays open twice as long, 5 minutes at most.
Rule 3: what is not tried costs no attempt.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_runtime.backoff import Delays

LONGEST_S = 300.0


@dataclass(slots=True)
class Breaker:
    """One origin. `now` is a monotonic clock in seconds."""

    failures: int
    delay_s: float
    reason: str = ""
    _in_a_row: int = 0
    _open_until: float | None = None
    _openings: int = 0
    _probing: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is left alone."""
        return self._open_until is not None

    def allows(self, now: float) -> bool:
        """Whether something may be tried; the first after the pause is the probe."""
        if self._open_until is None:
            return True
        if now < self._open_until or self._probing:
            return False
        self._probing = True
        return True

    def wait_s(self, now: float) -> float:
        """How long it is left alone still."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - now)

    def succeeded(self) -> bool:
        """Something was answered as it should be; True when that closes it."""
        was_open, self._open_until, self._probing = self.is_open, None, False
        self._in_a_row, self._openings, self.reason = 0, 0, ""
        return was_open

    def failed(self, now: float, reason: str, *, wholly: bool) -> bool:
        """Nothing came; `wholly`: nothing can come. True when that opens it."""
        self._in_a_row += 1
        if not wholly and self._in_a_row < self.failures and not self.is_open:
            return False
        if self.is_open and not self._probing:
            return False  # one that was under way when it opened
        opened = not self.is_open
        self._openings += 1
        pause_s = Delays(self.delay_s, LONGEST_S).bound_s(self._openings)
        self._open_until, self._probing, self.reason = now + pause_s, False, reason
        return opened

    def gave_up(self) -> None:
        """The probe was not carried out: the next one is the probe."""
        self._probing = False
