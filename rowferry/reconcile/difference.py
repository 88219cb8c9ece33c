"""A document that is not as it should be (pure)."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLES = 5  # of each kind and table, so many are named


@dataclass(frozen=True, slots=True)
class Difference:
    """A document that says something else than its row, and the names of what differs."""

    doc_id: str
    fields: tuple[str, ...]
