"""
Edge: the log of one client of librdkafka, which hands its lines out when it is polled, and not how old they are.

Rule: a line that may be older than its time says by how much at most (`late_s`).

Leaves to others: what a line says (`librdkafka_lines`), how often it is said (`logs`), and who polls.
"""

from __future__ import annotations

import logging
import time

from cdc_runtime.kafka.librdkafka_lines import line_of

_log = logging.getLogger("librdkafka")
# Whoever has nothing to do is polled once a second.
_IN_TIME_S = 2.0


class ClientLog:
    """What a client takes for a logger. Usable from any thread."""

    def __init__(self) -> None:
        self._served_at = time.monotonic()

    def served(self) -> None:
        """The client was polled: what it had to log by now is logged."""
        self._served_at = time.monotonic()

    def unserved_s(self) -> float:
        """How long ago it was polled."""
        return time.monotonic() - self._served_at

    def log(self, level: int, template: str, *parts: object) -> None:
        """Take a line: its facility, the name of the client, and the text."""
        if len(parts) != len(("facility", "client", "text")):  # nothing of librdkafka's
            _log.log(level, template, *parts)
            return
        facility, client, text = (str(part) for part in parts)
        line, late_s = line_of(level, facility, text), self.unserved_s()
        about: dict[str, object] = {"client": client}
        if line.broker is not None:
            about["broker"] = line.broker
        if late_s > _IN_TIME_S:
            about["late_s"] = round(late_s, 1)
        _log.log(line.level, "%s", line.event, extra=about)
