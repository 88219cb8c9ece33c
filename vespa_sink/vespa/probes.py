"""What an index is asked to find out whether it takes our documents at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.documents.samples import samples
from vespa_sink.settings import VespaSettings
from vespa_sink.vespa.answers import Answer, Verdict, probed, stop_error, verdict
from vespa_sink.vespa.field_probes import field_probe
from vespa_sink.vespa.operations import Limits, Operation


def limits_of(settings: VespaSettings) -> Limits:
    """The limits of requests."""
    return Limits(settings.max_document_bytes, int(settings.timeout_s * 1000))


def probes_of(settings: VespaSettings) -> list[Operation]:
    """The probes of all document types; the first is that of rows."""
    limits = limits_of(settings)
    return [field_probe(settings, each, fields, limits) for each, fields in samples(settings).items()]


class Sender(Protocol):
    """Who carries operations out."""

    @property
    def url(self) -> str:
        """Where they go."""

    async def send(self, operation: Operation) -> Answer:
        """Carry one out once; never raises for what the network or the server does."""


class Probe:
    """The probe of one document type, sent as often as it is asked for."""

    def __init__(self, sender: Sender, operation: Operation) -> None:
        self._sender = sender
        self._operation = operation
        self.document_type = operation.document.type

    async def ask(self) -> tuple[Verdict, Answer]:
        """Send it: what the answer means, and the answer. Raises `FatalError` when no document will do."""
        answer = probed(await self._sender.send(self._operation))
        decided = verdict(answer)
        if decided is Verdict.STOP:
            raise stop_error(answer, self._sender.url)
        return decided, answer

    async def answered_in_place_of(self, document: DocumentId) -> bool:
        """Whether Vespa answers it where a document of this type lies; nothing is written there."""
        target = self._operation.target.replace(self._operation.document.path, document.path, 1)
        answer = probed(await self._sender.send(replace(self._operation, document=document, target=target)))
        return verdict(answer) in (Verdict.SUPERSEDED, Verdict.IGNORED, Verdict.REJECTED)
