"""
What the reader publishes about schemas and tables, followed beside the group by every member.

Keeps: P10.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.directory import SchemaDirectory, TableDirectory
from cdc_runtime.settings.models import KafkaSettings
from schemas.names import TableName
from schemas.tables import TableEntry
from schemas.topics import Topics


class FollowedTables:
    """Lookups never block; `refresh` and `poll` read in another thread. Made blocking: both topics must exist."""

    def __init__(self, settings: KafkaSettings, admin: KafkaAdmin) -> None:
        topics = Topics(settings.prefix)
        self._schemas = SchemaDirectory(settings, topics, admin=admin)
        self._tables = TableDirectory(settings, topics, admin=admin)

    def schema(self, fingerprint: bytes) -> Mapping[str, Any]:
        """The Avro schema of a fingerprint; raises KeyError when it is not known (yet)."""
        schema = self._schemas.get(fingerprint)
        if schema is None:
            raise KeyError(fingerprint)
        return schema

    def entry(self, table: TableName) -> TableEntry | None:
        """What is known of a table."""
        return self._tables.get(table)

    async def refresh(self) -> bool:
        """Read both topics to their end of now; True when a table's entry changed. Raises `TransientError`."""
        await asyncio.to_thread(self._schemas.refresh)
        return await asyncio.to_thread(self._tables.refresh)

    async def poll(self) -> bool:
        """Take what has arrived; True when a table's entry changed."""
        return await asyncio.to_thread(self._tables.poll)

    def close(self) -> None:
        """Free the clients."""
        self._schemas.close()
        self._tables.close()
