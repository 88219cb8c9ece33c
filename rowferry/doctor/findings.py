"""What the doctor finds (pure): one line for each check, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a check came out: a warning does not stop the pipeline now, a failure does or loses rows."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One check: `id` never changes; `remedy` is SQL (`sql` is true) or words and commands, to be copied.

    `expected` is empty where what was found says it all.
    """

    id: str
    status: Verdict
    expected: str
    found: str
    remedy: str | None = None
    sql: bool = False


def ok(check: str, expected: str, found: str) -> Finding:
    """The check found what it expected."""
    return Finding(check, Verdict.OK, expected, found)


def failed(check: str, expected: str, found: str, remedy: str, *, sql: bool = False) -> Finding:
    """The pipeline cannot run, or not whole."""
    return Finding(check, Verdict.FAILED, expected, found, remedy, sql)


def warning(check: str, expected: str, found: str, remedy: str, *, sql: bool = False) -> Finding:
    """The pipeline runs; something should be looked at."""
    return Finding(check, Verdict.WARNING, expected, found, remedy, sql)


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing has failed."""
    return all(finding.status is not Verdict.FAILED for finding in findings)


def to_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings as plain values."""
    listed = list(findings)
    return {"healthy": is_healthy(listed), "checks": [asdict(finding) for finding in listed]}


def to_text(findings: Iterable[Finding]) -> str:
    """The findings for eyes: remedies stand under what they mend."""
    listed = list(findings)
    width = max((len(finding.id) for finding in listed), default=0)
    lines: list[str] = []
    for finding in listed:
        lines.append(f"{finding.status:<7}  {finding.id:<{width}}  {_told(finding)}")
        lines += (f"         > {line}" for line in (finding.remedy or "").splitlines())
    lines.append(_summary(listed))
    return "\n".join(lines) + "\n"


def _told(finding: Finding) -> str:
    if finding.status is Verdict.OK:
        return finding.found
    if not finding.expected:
        return finding.found
    return f"expected {finding.expected}, got {finding.found}"


def _summary(findings: list[Finding]) -> str:
    numbers = {verdict: sum(finding.status is verdict for finding in findings) for verdict in Verdict}
    return ", ".join(f"{number} {verdict}" for verdict, number in numbers.items())
