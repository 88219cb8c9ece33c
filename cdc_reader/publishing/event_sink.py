"""Where everything that the reader writes goes: the open Kafka transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Header = tuple[str, bytes]


class EventSink(Protocol):
    """The open Kafka transaction (`publisher.Publisher`); `rows` and `size` (bytes) are what it holds."""

    rows: int
    size: int

    def add(self, topic: str, key: bytes, value: bytes | None, ts_ms: int) -> None:
        """Publish an event; its key chooses the partition."""

    def add_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        ts_ms: int,
        *,
        partition: int | None,
        headers: Sequence[Header],
    ) -> None:
        """Publish a record that needs a partition of its own choice, or headers."""

    def record(self, key: bytes, value: bytes | None) -> None:
        """Write a record of `_offsets` with the next commit; the last one for a key wins."""
