"""Edge: what the doctor needs to know of Vespa."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from rowferry.doctor.facts import VespaFacts
from rowferry.http_client import HttpClient
from rowferry.settings import VespaSettings
from schemas.errors import AccessDenied, ServerSetting, Unreachable
from vespa_sink.documents.samples import PROBE_USER_ID, file_row_sample, file_sample, record_sample, schema_sample

# No version is below it: a put on this condition is parsed like any other and never written.
_NEVER = -(2**63)
_NEWEST = 100
_ACCEPTED = (200, 412)
_REFUSED = (400, 404)
_DENIED = (401, 403)


class VespaQuestions:
    """Questions to the document API and the search API."""

    def __init__(self, settings: VespaSettings, documents: HttpClient, search: HttpClient) -> None:
        self._settings = settings
        self._documents = documents
        self._search = search

    def facts(self) -> VespaFacts:
        """Ask everything; raises `Unreachable`, `AccessDenied`, `ServerSetting`."""
        types = self._settings
        samples = {
            types.record_type: record_sample(),
            types.schema_type: schema_sample(),
            types.file_type: file_sample(),
            types.file_row_type: file_row_sample(),
        }
        found = {name: self._missing(name, sample) for name, sample in samples.items()}
        lacking = {name: fields for name, fields in found.items() if fields != ()}
        whole = self._settings.record_type not in lacking
        return VespaFacts(lacking, self._greatest_version() if whole else None)

    def _missing(self, document_type: str, sample: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The fields that the index does not take; None when it does not take one of them."""
        if self._takes(document_type, sample):
            return ()
        missing = tuple(name for name, value in sample.items() if not self._takes(document_type, {name: value}))
        return None if len(missing) == len(sample) else missing

    def _takes(self, document_type: str, fields: Mapping[str, Any]) -> bool:
        namespace, kind, user = (
            quote(part, safe="") for part in (self._settings.namespace, document_type, PROBE_USER_ID)
        )
        condition = urlencode({"condition": f"{document_type}.version < {_NEVER}"})
        body = orjson.dumps({"fields": fields})
        answer = self._documents.post_json(f"/document/v1/{namespace}/{kind}/docid/{user}?{condition}", body)
        if answer.status in _DENIED:
            raise AccessDenied(f"expected Vespa to let us in, got status {answer.status}")
        if answer.status not in (*_ACCEPTED, *_REFUSED):
            raise Unreachable(f"expected Vespa to answer a put, got status {answer.status}")
        return answer.status in _ACCEPTED

    def _greatest_version(self) -> int | None:
        """The greatest version among our documents; None when there is none (of the newest in the index)."""
        query = (
            f"select documentid, version from {self._settings.record_type} where version > 0"
            f" order by version desc limit {_NEWEST}"
        )
        answer = self._search.get(f"/search/?{urlencode({'yql': query, 'hits': _NEWEST})}")
        # Other pipelines may have documents of the same type under another namespace (rule D7).
        ours = f"id:{self._settings.namespace}:"
        try:
            hits = [hit["fields"] for hit in orjson.loads(answer.body)["root"].get("children", ())]
            return max((int(hit["version"]) for hit in hits if hit["documentid"].startswith(ours)), default=None)
        except (ValueError, KeyError, TypeError) as exc:
            raise ServerSetting(
                f"expected search results from Vespa, got status {answer.status}",
                remedy="set vespa.query_url to the container with the search API",
            ) from exc
