"""A document that is not as it should be (pure)."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST_SHOWN = 200

SAMPLES = 5  # of each kind and table, so many are named


@dataclass(frozen=True, slots=True)
class Difference:
    """A document that says something else than its row, and the names of what differs."""

    doc_id: str
    fields: tuple[str, ...]


def shown(doc_id: str) -> str:
    """An id for eyes: of one that fills screens its beginning, and how long it is. JSON has it whole."""
    return doc_id if len(doc_id) <= _LONGEST_SHOWN else f"{doc_id[:_LONGEST_SHOWN]}... ({len(doc_id):,} characters)"
