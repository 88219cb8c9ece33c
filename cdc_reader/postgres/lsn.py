"""Positions in the write-ahead log, as a type of their own: never to be mixed up with versions or offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.errors import ProtocolError

_TEXT = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


@dataclass(frozen=True, slots=True, order=True)
class Lsn:
    """A byte position in the write-ahead log; prints as PostgreSQL prints it."""

    value: int

    @classmethod
    def parse(cls, text: str) -> Lsn:
        """Read PostgreSQL's notation; raises `ProtocolError`."""
        if (match := _TEXT.fullmatch(text)) is None:
            raise ProtocolError(f"expected an LSN like '16/B374D848', got {text!r}")
        high, low = (int(half, 16) for half in match.groups())
        return cls(high << 32 | low)

    def __str__(self) -> str:
        return f"{self.value >> 32:X}/{self.value & 0xFFFF_FFFF:X}"
