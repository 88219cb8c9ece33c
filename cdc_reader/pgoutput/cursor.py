"""Reads the fields of one message, and never past its end."""

from __future__ import annotations

from cdc_reader.postgres.lsn import Lsn
from schemas.errors import ProtocolError

# PostgreSQL counts from 2000-01-01.
POSTGRES_EPOCH_US = 946_684_800_000_000


class Cursor:
    """A message and how far it is read. Every method raises `ProtocolError` when its field is not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    def take(self, size: int, field: str) -> bytes:
        """The next `size` bytes."""
        chunk = self._data[self._pos : self._pos + size] if size >= 0 else b""
        if len(chunk) != size:
            raise ProtocolError(f"{field} needs {size} bytes at offset {self._pos}, got {len(chunk)}")
        self._pos += size
        return chunk

    def unsigned(self, size: int, field: str) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size, field), "big")

    def signed(self, size: int, field: str) -> int:
        """A signed integer of `size` bytes."""
        return int.from_bytes(self.take(size, field), "big", signed=True)

    def lsn(self, field: str) -> Lsn:
        """A position in the WAL."""
        return Lsn(self.unsigned(8, field))

    def time_us(self, field: str) -> int:
        """A time, in microseconds since the Unix epoch."""
        return self.signed(8, field) + POSTGRES_EPOCH_US

    def flag(self, field: str) -> bool:
        """A byte that is 0 or 1."""
        value = self.unsigned(1, field)
        if value > 1:
            raise ProtocolError(f"expected {field} to be 0 or 1, got {value}")
        return value == 1

    def letter(self, field: str, allowed: str) -> str:
        """A byte that is one of some letters."""
        value = chr(self.unsigned(1, field))
        if value not in allowed:
            raise ProtocolError(f"expected {field} to be one of {allowed!r}, got {value!r}")
        return value

    def text(self, field: str) -> str:
        """A string that ends with a zero byte: a name, where U+FFFD stands for bytes that are not UTF-8.

        Whatever is called so is not captured, or is no message of ours.
        """
        end = self._data.find(b"\0", self._pos)
        if end < 0:
            raise ProtocolError(f"{field} at offset {self._pos} has no end")
        chunk = self.take(end - self._pos, field)
        self._pos += 1
        return chunk.decode(errors="replace")

    def finish(self, message: str) -> None:
        """Nothing may be left."""
        if left := len(self._data) - self._pos:
            raise ProtocolError(f"expected the end of {message} at offset {self._pos}, got {left} more bytes")
