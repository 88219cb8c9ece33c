"""How much is taken out of one file, and what ends its reading when that is reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """How much is taken out of one file."""

    max_text_chars: int = 10_000_000
    max_rows: int = 100_000
    max_columns: int = 500
    max_cell_chars: int = 32_767
    # What an archive may unpack to: as much as the child may hold.
    max_unpacked_bytes: int = 1024 * 1024 * 1024


class LimitReached(Exception):
    """Enough was read: the file's result says `truncated`."""
