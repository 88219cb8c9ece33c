"""
Whether we may write messages into the source's log, and what becomes of it where we may not (pure; rule P3).

Without them no table can be read whole (there is no mark before and behind what is read), and nothing of ours moves an
idle slot. The stream goes on all the same: scans wait for the right, and an idle slot moves by the server's own word,
which is stored first (`session`).

Keeps: P3, D8.
"""

from __future__ import annotations

_FORBIDDEN = (
    "no right to execute pg_logical_emit_message: tables are streamed, but none can be read whole (snapshots wait)"
)


class OwnMessages:
    """For the life of the process. `forbidden` are the functions that our role may not execute."""

    def __init__(self) -> None:
        self.forbidden: tuple[str, ...] = ()

    def told(self, forbidden: tuple[str, ...]) -> bool:
        """What the server says now; whether that is news."""
        news, self.forbidden = forbidden != self.forbidden, forbidden
        return news

    @property
    def reason(self) -> str:
        """Why nothing is read whole, in words; empty where messages may be written."""
        return _FORBIDDEN if self.forbidden else ""
