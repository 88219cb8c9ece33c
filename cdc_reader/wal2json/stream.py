"""A replication stream whose lines of wal2json come as the messages of pgoutput that mean the same."""

from __future__ import annotations

from typing import Protocol

from cdc_reader.wal2json.translator import Payload, Translator


class Source(Protocol):
    """What a session reads from (`replication.ReplicationStream`)."""

    @property
    def wal_end(self) -> int:
        """How far the server was, by its last keepalive."""

    def receive(self, *, most: int, wait_s: float, wake_fd: int) -> tuple[list[Payload], bool]:
        """Up to `most` messages, and whether more may be waiting."""

    def confirm(self, lsn: int) -> None:
        """All before `lsn` is durable in Kafka."""


class TranslatedStream:
    """What a session reads, where the slot is one of wal2json."""

    def __init__(self, source: Source, translator: Translator) -> None:
        self._source = source
        self._translate = translator.translate

    @property
    def wal_end(self) -> int:
        """That of the source."""
        return self._source.wal_end

    def receive(self, *, most: int, wait_s: float, wake_fd: int) -> tuple[list[Payload], bool]:
        """As the source; there may be more messages than lines."""
        batch, more = self._source.receive(most=most, wait_s=wait_s, wake_fd=wake_fd)
        return (self._translate(batch) if batch else batch), more

    def confirm(self, lsn: int) -> None:
        """As the source."""
        self._source.confirm(lsn)
