"""What `rowferry status` tells of references to files (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rowferry.status.sizes import size_text


@dataclass(frozen=True, slots=True)
class Ended:
    """How many references are in a state (`fetched`, `skipped`, `failed`, `retrying`), for a reason."""

    state: str
    reason: str
    references: int


@dataclass(frozen=True, slots=True)
class Files:
    """
    The references that all rows hold now.

    `bytes`: of the files they lead to, each counted as often as it is referred to; `contents` and `content_bytes`:
    the same, each content counted once. `oldest_waiting_ms`: when the first of those that wait for another try was
    first tried (epoch); None when none waits.
    """

    states: tuple[Ended, ...] = ()
    bytes: int = 0
    contents: int = 0
    content_bytes: int = 0
    oldest_waiting_ms: int | None = None

    @property
    def references(self) -> int:
        """How many there are."""
        return sum(each.references for each in self.states)

    @property
    def waiting(self) -> int:
        """How many wait for another try."""
        return sum(each.references for each in self.states if each.state == "retrying")

    def to_json(self) -> dict[str, Any]:
        """The references as plain values."""
        return {
            "references": self.references,
            "states": [asdict(each) for each in self.states],
            "bytes": self.bytes,
            "contents": self.contents,
            "content_bytes": self.content_bytes,
            "waiting": self.waiting,
            "oldest_waiting": self._oldest(),
        }

    def to_lines(self) -> Iterator[str]:
        """The references for eyes."""
        yield (
            f"files     {self.references:,} references, {size_text(self.bytes)};"
            f" {self.contents:,} contents, {size_text(self.content_bytes)}"
        )
        for each in self.states:
            yield f"          {each.state}{f' ({each.reason})' if each.reason else ''}: {each.references:,}"
        if self.waiting:
            yield f"          oldest waiting since {self._oldest()}"

    def _oldest(self) -> str | None:
        if self.oldest_waiting_ms is None:
            return None
        return datetime.fromtimestamp(self.oldest_waiting_ms // 1000, UTC).isoformat()
