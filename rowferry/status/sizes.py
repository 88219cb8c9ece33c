"""Sizes for eyes (pure)."""

from __future__ import annotations


def size_text(size: int) -> str:
    """A number of bytes in the unit that keeps it short."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(amount) < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
