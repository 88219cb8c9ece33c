"""
Edge: what the doctor needs to know of Vespa.

Keeps: V10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cdc_runtime.vespa_answers import answers_search, described, json_object
from rowferry.doctor.facts import VespaFacts
from rowferry.http_client import HttpClient
from rowferry.settings import VespaSettings
from schemas.errors import Neighbour, ServerSetting
from vespa_sink.vespa.answers import answer_of
from vespa_sink.vespa.field_probes import field_probe, lacking, takes_fields
from vespa_sink.vespa.operations import Limits

_NEWEST = 100


@dataclass(frozen=True, slots=True)
class _Names:
    """What documents are called (`field_probes.IndexNames`)."""

    namespace: str
    record_type: str
    schema_type: str
    file_type: str
    file_row_type: str


class VespaQuestions:
    """Questions to the document API and the search API."""

    def __init__(self, settings: VespaSettings, documents: HttpClient, search: HttpClient) -> None:
        self._settings = settings
        self._names = _Names(
            namespace=settings.namespace,
            record_type=settings.record_type,
            schema_type=settings.schema_type,
            file_type=settings.file_type,
            file_row_type=settings.file_row_type,
        )
        self._documents = documents
        self._search = search

    def facts(self) -> VespaFacts:
        """Ask everything; raises `Unreachable`, `NeighbourMissing`, `AccessDenied`, `ServerSetting`."""
        lacks = tuple(lacking(self._names, self._takes))
        whole = self._settings.record_type not in {each.document_type for each in lacks}
        return VespaFacts(lacks, self._greatest_version() if whole else None)

    def _takes(self, document_type: str, fields: Mapping[str, Any]) -> bool:
        put = field_probe(self._names, document_type, fields, Limits())
        answer = self._documents.post_json(put.target, put.body or b"")
        return takes_fields(answer_of(answer.status, answer.headers, answer.body), self._settings.url)

    def _greatest_version(self) -> int | None:
        """The greatest version among our documents; None when there is none (of the newest in the index)."""
        query = (
            f"select documentid, version from {self._settings.record_type}"
            f' where namespace contains "{self._settings.namespace}" and version > 0'
            f" order by version desc limit {_NEWEST}"
        )
        answer = self._search.get(f"/search/?{urlencode({'yql': query, 'hits': _NEWEST})}")
        body = json_object(answer.body)
        if not answers_search(answer.status, body) or body["root"].get("errors"):
            raise ServerSetting(
                expected="search results from Vespa",
                found=described(answer.status, answer.headers.get("Content-Type")),
                neighbour=Neighbour.VESPA,
                remedy="set vespa.query_url to the container with the search API",
            )
        # Other pipelines may have documents of the same type under another namespace (rule D7).
        ours = f"id:{self._settings.namespace}:"
        hits = [hit["fields"] for hit in body["root"].get("children", ())]
        return max((int(hit["version"]) for hit in hits if hit["documentid"].startswith(ours)), default=None)
