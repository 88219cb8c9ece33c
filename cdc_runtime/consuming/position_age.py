"""
Whether tombstones may have expired before we read them (rule V7).

With every committed offset goes `as_of`: a time before which everything that was written has been read. When it is
older than the topic keeps tombstones, deletes may be missing: the table must be read and swept again.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.topics import TOMBSTONE_RETENTION_MS

_PREFIX = "as_of_ms="


@dataclass(frozen=True, slots=True)
class Commit:
    """A committed position; `as_of_ms` None when another program committed it."""

    next_offset: int
    as_of_ms: int | None


def to_metadata(as_of_ms: int) -> str:
    """The text that is committed with an offset."""
    return f"{_PREFIX}{as_of_ms}"


def from_metadata(text: str | None) -> int | None:
    """Read it back; None for anything else."""
    number = (text or "").removeprefix(_PREFIX)
    return int(number) if text and text.startswith(_PREFIX) and number.isdigit() else None


def as_of(before_ms: int, *, at_end: bool, last_written_ms: int, now_ms: int) -> int:
    """
    How current a position is.

    At the end of the log: now. Short of it: as before, or the time of the last record read, if that is later.
    """
    return now_ms if at_end else min(now_ms, max(before_ms, last_written_ms))


@dataclass(frozen=True, slots=True)
class Found:
    """What was found when a partition was assigned."""

    commit: Commit | None
    end_offset: int
    retention_ms: int
    indexed: bool  # whether the index holds rows of the table


def must_resnapshot(found: Found, now_ms: int) -> str | None:
    """The reason why the table must be read and swept again; None when nothing can be missing."""
    commit = found.commit
    if commit is None:
        return "no committed position, but rows of the table are in the index" if found.indexed else None
    if commit.next_offset >= found.end_offset or commit.as_of_ms is None:
        return None
    age_ms = now_ms - commit.as_of_ms
    if age_ms > found.retention_ms:
        return (
            f"the committed position is {age_ms // 1000} s old, tombstones are kept for {found.retention_ms // 1000} s"
        )
    return None


def retention_ms(config: dict[str, str]) -> int:
    """How long a topic keeps tombstones, from its settings."""
    text = config.get("delete.retention.ms", "")
    return int(text) if text.isdigit() else TOMBSTONE_RETENTION_MS
