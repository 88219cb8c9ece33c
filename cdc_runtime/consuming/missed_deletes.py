"""
Whether deletes may have expired before we read them, so that the table must be read and swept again (rule V7).

The one definition, for every consumer: a position is too old when tombstones are kept for less time than it is old. An
age that is not known counts as too old. It matters only where rows are held that a missed delete would leave behind,
and where a record can still be read behind the position: transaction markers and aborted records take offsets too.

Pure; facts are asked for in the order of what they cost, and only as far as they decide.

Keeps: V7.
"""

from __future__ import annotations

from typing import Protocol

from cdc_runtime.consuming.position_age import CommittedPosition
from schemas.topics import TOMBSTONE_RETENTION_MS

# No topic of ours forgets its tombstones sooner: younger positions need no look at the topic.
_CERTAIN_MS = 60 * 60 * 1000


class Facts(Protocol):
    """What is known of one partition of a table's topic, and of what its consumer holds of it."""

    def retention_ms(self) -> int:
        """How long the topic keeps tombstones."""

    def holds_rows(self) -> bool:
        """Whether rows of this partition are held, which a missed delete would leave behind."""

    def unread(self, next_offset: int) -> bool:
        """Whether a record can be read at or behind this offset."""


def reason_to_ask(position: CommittedPosition | None, facts: Facts, now_ms: int) -> str | None:
    """Returns why the table must be read and swept again; None when no delete can be missing."""
    if position is None:
        return "no committed position, but rows of the table are in the index" if facts.holds_rows() else None
    reason = _too_old(position, facts, now_ms)
    return reason if reason and facts.holds_rows() and facts.unread(position.next_offset) else None


def _too_old(position: CommittedPosition, facts: Facts, now_ms: int) -> str | None:
    if position.as_of_ms is None:
        return "the age of the committed position is not known: another program committed it"
    age_ms = now_ms - position.as_of_ms
    if age_ms <= _CERTAIN_MS or age_ms <= (kept_ms := facts.retention_ms()):
        return None
    return f"the committed position is {age_ms // 1000} s old, deletes are kept for {kept_ms // 1000} s"


def retention_ms(config: dict[str, str]) -> int:
    """Returns how long a topic keeps tombstones, from its settings."""
    text = config.get("delete.retention.ms", "")
    return int(text) if text.isdigit() else TOMBSTONE_RETENTION_MS
