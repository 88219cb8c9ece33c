"""
The advisory lock that stands for a slot (rule P2): one number pair, the same for whoever wants the slot.

Keeps: P2.
"""

from __future__ import annotations

import zlib

_CLASS = 0x726F7766  # "rowf": keeps our locks apart from the application's


def slot_lock(slot: str) -> tuple[int, int]:
    """The two 32-bit keys of `pg_try_advisory_lock` for a slot."""
    return _CLASS, zlib.crc32(slot.encode()) - 2**31
