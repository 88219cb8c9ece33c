"""
What the index lacks of the documents that we write (pure).

It is asked with puts that are parsed like any other and never written. One walk for `vespa-sink run`,
`vespa-sink check` and `rowferry doctor`; each brings its own way of sending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cdc_runtime.vespa_answers import REMEDY
from schemas.errors import Neighbour, NeighbourMissing
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.documents.samples import PROBE_USER_ID, DocumentTypes, samples
from vespa_sink.vespa.answers import Answer, Verdict, probed, stop_error, verdict
from vespa_sink.vespa.operations import Limits, Operation, probe

Takes = Callable[[str, Mapping[str, Any]], bool]


class IndexNames(DocumentTypes, Protocol):
    """What documents are called in an index; settings are such."""

    @property
    def namespace(self) -> str:
        """Of the ids of documents."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """What the index does not take of a document type: the type, fields, or (none of both) a whole document."""

    document_type: str
    fields: tuple[str, ...]
    has_type: bool = True

    @property
    def expected(self) -> str:
        """What should be there, in words."""
        if not self.has_type:
            return f"document type {self.document_type}"
        if self.fields:
            return f"fields {', '.join(self.fields)} in {self.document_type}"
        return f"{self.document_type} to take a whole document"

    @property
    def found(self) -> str:
        """What is there, in words."""
        if not self.has_type:
            return "none"
        return "others" if self.fields else "a refusal, though it takes each field"


def field_probe(names: IndexNames, document_type: str, fields: Mapping[str, Any], limits: Limits) -> Operation:
    """The put that finds out whether a document type takes these fields."""
    return probe(DocumentId(names.namespace, document_type, PROBE_USER_ID), fields, limits)


def takes_fields(answer: Answer, url: str) -> bool:
    """
    Whether the index has what a probe asks for.

    Raises `AccessDenied`, `ServerSetting` where writing would stop the sink, `NeighbourMissing` without an answer
    that says anything.
    """
    answer = probed(answer)
    decided = verdict(answer)
    if decided is Verdict.STOP:
        raise stop_error(answer, url)
    if decided in (Verdict.RETRY, Verdict.FOREIGN, Verdict.THROTTLED):
        raise no_answer(answer, f"Vespa at {url} to answer")
    return decided is not Verdict.REJECTED


def no_answer(answer: Answer, expected: str) -> NeighbourMissing:
    """The error of a Vespa that does not say anything to a probe."""
    return NeighbourMissing(
        expected=expected,
        found=answer.found,
        neighbour=Neighbour.VESPA,
        remedy=REMEDY if answer.foreign else "start Vespa, or set vespa.url",
    )


def lacking(types: DocumentTypes, takes: Takes) -> Iterator[Lacking]:
    """What the index lacks; `takes(document_type, fields)` asks it. Each field is asked for only where it must be."""
    for document_type, sample in samples(types).items():
        if takes(document_type, sample):
            continue
        missing = tuple(name for name, value in sample.items() if not takes(document_type, {name: value}))
        yield Lacking(document_type, missing, has_type=len(missing) < len(sample))
