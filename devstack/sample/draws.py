"""
Repeatable draws: a small generator of pseudo-random numbers that is the same on every machine and Python version.

The sample data are pure functions of (seed, table, row number); the standard `random` module is left to edges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN = 0x9E37_79B9_7F4A_7C15

T = TypeVar("T")


def seed_of(*parts: object) -> int:
    """Return a 64-bit seed that depends on all of `parts` and on their order."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def mix(seed: int, number: int) -> int:
    """Spread `number` over 64 bits (the finaliser of splitmix64), differently for each `seed`."""
    value = (seed + (number + 1) * _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return value ^ (value >> 31)


class Draws:
    """A sequence of numbers that follows from its seed: the high half of a linear congruential generator."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def below(self, limit: int) -> int:
        """Return a number in `range(limit)`; `limit` is at most 2**32."""
        self._state = (self._state * 0x5851_F42D_4C95_7F2D + 0x1405_7B7E_F767_814F) & _MASK
        return ((self._state >> 32) * limit) >> 32

    def between(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def one_of(self, choices: Sequence[T]) -> T:
        """Return one of `choices`, which must not be empty."""
        return choices[self.below(len(choices))]

    def bits(self) -> int:
        """Return 64 bits."""
        return (self.below(1 << 32) << 32) | self.below(1 << 32)
