"""
Edge: the schemas and tables that the reader publishes, followed beside the group by every member.

Rule: a lookup never blocks; what is not known is known, or does not exist, after `refresh`. A record that waits for a
schema or a table holds its partition until then, and is never dead-lettered.

Keeps: P10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.directory import SchemaDirectory, TableDirectory
from cdc_runtime.settings.models import KafkaSettings
from schemas.names import TableName
from schemas.tables import TableEntry
from schemas.topics import Topics
from schemas.wire import EventDecoder


class FollowedTables:
    """
    Lookups come from any thread and never block; `refresh` and `poll` block, an event loop calls them in a thread.

    Made blocking: both topics must exist. After a table has changed, `on_change` is called, by the thread that read it.
    """

    def __init__(self, settings: KafkaSettings, admin: KafkaAdmin) -> None:
        topics = Topics(settings.prefix)
        self._schemas = SchemaDirectory(settings, topics, admin=admin)
        try:
            self._tables = TableDirectory(settings, topics, admin=admin)
        except BaseException:
            self._schemas.close()
            raise
        self.on_change: Callable[[], object] = lambda: None
        # Decodes an event; raises `UnknownSchema` and `RecordError`.
        self.decode = EventDecoder(self._known_schema).decode

    def schema(self, fingerprint: bytes) -> Mapping[str, Any] | None:
        """Returns the Avro schema of a fingerprint; None when it is not known (yet)."""
        return self._schemas.get(fingerprint)

    def entry(self, table: TableName) -> TableEntry | None:
        """Returns what is known of a table."""
        return self._tables.get(table)

    def refresh(self) -> None:
        """Read both topics to their end of now. Raises `TransientError`."""
        self._schemas.refresh()
        if self._tables.refresh():
            self.on_change()

    def poll(self) -> None:
        """Take what has arrived of both, without waiting. Raises `TransientError`."""
        self._schemas.poll()
        if self._tables.poll():
            self.on_change()

    def close(self) -> None:
        """Free the clients."""
        self._schemas.close()
        self._tables.close()

    def _known_schema(self, fingerprint: bytes) -> Mapping[str, Any]:
        schema = self._schemas.get(fingerprint)
        if schema is None:
            raise KeyError(fingerprint)
        return schema
