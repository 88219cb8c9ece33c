"""
Edge: asks Vespa whether it is there, from a thread of its own and without a write.

It reads a document that there is none of: the container has to look for it where the documents are.

Keeps: P15.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from urllib.parse import quote

from schemas.errors import Neighbour, Unreachable
from vespa_sink.settings import VespaSettings
from vespa_sink.vespa.client import VespaClient

_NO_DOCUMENT = "rowferry asks whether you are there"


class VespaQuestion:
    """Called in any thread but the loop's; the client lives in the loop."""

    def __init__(self, client: VespaClient, settings: VespaSettings, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop
        self._path = f"/document/v1/{settings.namespace}/{settings.schema_type}/docid/{quote(_NO_DOCUMENT)}"

    def __call__(self, timeout_s: float) -> None:
        """Return when Vespa answers. Raises `TransientError` when it does not within the time, or not as it should."""
        path = f"{self._path}?timeout={int(timeout_s * 1000)}ms"
        answer = asyncio.run_coroutine_threadsafe(self._client.get(path), self._loop)
        try:
            answer.result(timeout_s)
        except (TimeoutError, concurrent.futures.CancelledError) as exc:
            answer.cancel()
            raise Unreachable(
                expected=f"Vespa to answer within {timeout_s:g} s", found="nothing", neighbour=Neighbour.VESPA
            ) from exc
