"""
Whether the index holds rows of a partition: asked by a thread, answered by the event loop.

Keeps: V7.
"""

from __future__ import annotations

import asyncio

from schemas.errors import Neighbour, TransientError
from schemas.names import TableName
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.searches import Index, page_of, rows_of_partition


class IndexedRows:
    """Searches with the client of an event loop."""

    def __init__(self, client: VespaClient, rows: Index, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._rows = rows
        self._loop = loop

    def any_of(self, table: TableName, partition: int) -> bool:
        """Whether there is one; blocks, and must not be called within the loop. Raises `TransientError`."""
        return asyncio.run_coroutine_threadsafe(self._any_of(table, partition), self._loop).result()

    async def _any_of(self, table: TableName, partition: int) -> bool:
        page = page_of(await self._client.search(rows_of_partition(self._rows, table.document_table, partition)))
        if not page.complete and not page.doc_ids:
            raise TransientError(
                expected=f"a search over all documents of {table}",
                found="one over a part of them: a part of Vespa is away or overloaded",
                neighbour=Neighbour.VESPA,
            )
        return bool(page.doc_ids)
