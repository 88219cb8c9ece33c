"""
The schemas and tables that the reader publishes, and by them the file columns of an event (rule P10).

Keeps: P10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.directory import SchemaDirectory, TableDirectory
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.intake.file_columns import Columns, Plans
from schemas.names import TableName
from schemas.topics import Topics
from schemas.wire import EventDecoder


class FollowedTables:
    """Made blocking: both topics must exist. Used by one thread."""

    def __init__(self, settings: KafkaSettings, admin: KafkaAdmin) -> None:
        topics = Topics(settings.prefix)
        self._schemas = SchemaDirectory(settings, topics, admin=admin)
        self._tables = TableDirectory(settings, topics, admin=admin)
        self._plans = Plans(self._tables.get, self._schemas.get)
        self.decode = EventDecoder(self._schema).decode

    def columns(self, table: TableName, fingerprint: bytes) -> Columns | None:
        """
        The file columns of an event; None when its schema or table is not known.

        Reads both topics to their end when it must. Raises `TransientError`.
        """
        known = self._plans.find(table, fingerprint)
        if known is None:
            self._schemas.find(fingerprint)
            if self._tables.refresh():
                self._plans.forget()
            known = self._plans.find(table, fingerprint, refreshed=True)
        return known

    def poll(self) -> None:
        """Take what has arrived."""
        if self._tables.poll():
            self._plans.forget()

    def close(self) -> None:
        """Free the clients."""
        self._schemas.close()
        self._tables.close()

    def _schema(self, fingerprint: bytes) -> Mapping[str, Any]:
        schema = self._schemas.find(fingerprint)
        if schema is None:
            raise KeyError(fingerprint)
        return schema
