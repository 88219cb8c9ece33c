"""
Asks the index whether it takes a field of a document type at all, whatever a row has in it.

Keeps: V13.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from vespa_sink.documents.samples import samples
from vespa_sink.settings import VespaSettings
from vespa_sink.vespa.answers import Verdict
from vespa_sink.vespa.field_probes import field_probe
from vespa_sink.vespa.probes import Probe, Sender, limits_of

_HOLDS_S = 1.0  # an answer; many rows may ask for the same


class FieldQuestions:
    """Lives in the event loop."""

    def __init__(self, sender: Sender, settings: VespaSettings) -> None:
        self._sender = sender
        self._settings = settings
        self._samples = samples(settings)
        self._asked: dict[tuple[str, str], tuple[float, bool | None]] = {}
        self._clock: Callable[[], float] = time.monotonic

    async def lacks(self, document_type: str, field: str) -> bool | None:
        """
        Whether the index refuses a field (or a whole document, where there is no such field) that is as it should be.

        None: what came says nothing. Raises `FatalError` when no document will do.
        """
        sample = self._samples[document_type]
        name = field if field in sample else ""
        asked_at, lacks = self._asked.get((document_type, name), (float("-inf"), None))
        if lacks is None or self._clock() - asked_at >= _HOLDS_S:
            fields = {name: sample[name]} if name else sample
            probe = Probe(self._sender, field_probe(self._settings, document_type, fields, limits_of(self._settings)))
            lacks = _meaning((await probe.ask())[0])
            self._asked[document_type, name] = self._clock(), lacks
        return lacks


def _meaning(decided: Verdict) -> bool | None:
    if decided in (Verdict.RETRY, Verdict.FOREIGN, Verdict.THROTTLED):
        return None
    return decided is Verdict.REJECTED
