"""
What a line of librdkafka's log says, in words, and how much it matters (pure).

Rule 1: what happens at every start, or is asked again by itself, is no warning.
Rule 2: one event gives one line: what follows from it, or is raised by the call that it is about, is for debugging.
Rule 3: a line that nobody has judged keeps its level and its words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEBUG, INFO, WARNING = 10, 20, 30
_THREAD = re.compile(r"\[thrd:.*?\]: ")
_BROKER = re.compile(r"(?:(?:Group|Txn)Coordinator: )?(?:\w+://)?(?P<broker>\S+?)(?:/\w+)?: (?P<problem>.*)", re.DOTALL)
_MEASURED = re.compile(r"(?: \((?:after|average rtt) .*?\))+$")
_NO_PRODUCER_ID = re.compile(r"Failed to acquire \w+ PID.*?: (?:Broker: )?(?P<problem>[^:]*): retrying", re.DOTALL)
# Who is refused, or speaks another protocol, is not helped by another try.
_LASTING = re.compile(r"SASL|SSL|security\.protocol|certificate", re.IGNORECASE)
# FAIL says it once more, of the connection (REQTMOUT); or the call raises it, unless we ask again (ADDOFFSETS).
_SAID_BESIDE = frozenset({"REQTMOUT", "ADDOFFSETS"})


@dataclass(frozen=True, slots=True)
class Line:
    """A level of Python's `logging`, what is said, and the broker (host and port) that it is about, if any."""

    level: int
    event: str
    broker: str | None = None


def line_of(level: int, facility: str, text: str) -> Line:
    """Judge a line; `level` is already one of Python's."""
    said = _THREAD.sub("", text, count=1)
    if facility == "FAIL" and (found := _BROKER.fullmatch(said)) is not None:
        return _failed(level, found["broker"], _MEASURED.sub("", found["problem"]))
    if facility == "GETPID" and (found := _NO_PRODUCER_ID.search(said)) is not None:
        reason = found["problem"].lower()
        return Line(min(level, INFO), f"Kafka takes no producer yet, it is asked again: {reason}")
    return Line(DEBUG if facility in _SAID_BESIDE else level, f"{facility} {said}")


def _failed(level: int, broker: str, problem: str) -> Line:
    event = f"broker {broker}: {problem}"
    if level <= INFO:
        return Line(DEBUG, event, broker)  # a connection that was idle, or the next line says what is wrong
    return Line(level if _LASTING.search(problem) else min(level, WARNING), event, broker)
