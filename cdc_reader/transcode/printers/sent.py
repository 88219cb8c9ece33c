"""The bytes of one value, field by field; never past their end."""

from __future__ import annotations

import struct
from collections.abc import Callable

from cdc_reader.transcode.carried import Unfit

Printer = Callable[[bytes], bytes]
_END = b"\0"


class Sent:
    """Reads what a send function wrote; whatever is not there is `Unfit`."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if not 0 <= size <= self.left:
            raise self.unfit(f"{size} more bytes", f"{self.left}")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int, *, signed: bool = True) -> int:
        """A whole number of `size` bytes."""
        return int.from_bytes(self.take(size), "big", signed=signed)

    def count(self, item: int) -> int:
        """A number of items (int32) that take `item` bytes each at least."""
        found = self.number(4)
        if not 0 <= found <= self.left // item:
            raise self.unfit("as many items as there are", f"a count of {found}")
        return found

    def doubles(self, count: int) -> tuple[float, ...]:
        """Double-precision numbers."""
        return struct.unpack(f">{count}d", self.take(8 * count))

    def singles(self, count: int) -> tuple[float, ...]:
        """Single-precision numbers, as the doubles that equal them."""
        return struct.unpack(f">{count}f", self.take(4 * count))

    def value(self) -> bytes | None:
        """A value behind its size (int32); None for NULL."""
        size = self.number(4)
        return None if size == -1 else self.take(size)

    def text(self) -> bytes:
        """A text with a zero byte behind it."""
        end = self._data.find(_END, self._at)
        if end < 0:
            raise self.unfit("the end of a text", "none")
        text = self.take(end - self._at)
        self._at += 1
        return text

    def end(self) -> None:
        """All is read."""
        if self.left:
            raise self.unfit("the end", f"{self.left} more bytes")

    def unfit(self, expected: str, found: str) -> Unfit:
        """What there is to raise; never with bytes of the value."""
        return Unfit(f"expected {expected} of a {self._what} at byte {self._at}, got {found}")
