"""Edge: Vespa as a client of the index uses it: documents and YQL over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any

from devstack.errors import DevstackError

_TIMEOUT_S = 30.0
_DOCUMENTS_AT_ONCE = 500
Fields = dict[str, Any]


class IndexClient:
    """One kept connection; not for use by several threads. Raises DevstackError for any unexpected answer."""

    def __init__(self, url: str, *, namespace: str = "procore", document_type: str = "procore_record") -> None:
        parts = urllib.parse.urlsplit(url)
        assert parts.hostname is not None
        self._url = url
        self._namespace = namespace
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_S)
        self._documents = f"/document/v1/{namespace}/{document_type}/docid/"

    def document(self, doc_id: str, field_set: str = "") -> Fields | None:
        """The fields of a document; None when it is not there."""
        query = f"?fieldSet={urllib.parse.quote(field_set, safe='')}" if field_set else ""
        status, answer = self._ask(self._documents + urllib.parse.quote(doc_id, safe="") + query)
        if status not in (http.HTTPStatus.OK, http.HTTPStatus.NOT_FOUND) or "id" not in answer:
            raise DevstackError(f"expected vespa at {self._url} to give a document, got status {status}")
        return answer.get("fields")

    def documents(self, document_type: str, fields: Sequence[str]) -> Iterator[Fields]:
        """These fields of every document of a type, but of those that only remember something deleted."""
        query = {"fieldSet": f"{document_type}:{','.join(fields)}", "wantedDocumentCount": _DOCUMENTS_AT_ONCE}
        continuation: dict[str, str] = {}
        while True:
            target = f"/document/v1/{self._namespace}/{document_type}/docid/"
            status, answer = self._ask(f"{target}?{urllib.parse.urlencode({**query, **continuation})}")
            if status != http.HTTPStatus.OK or "documents" not in answer:
                raise DevstackError(f"expected vespa at {self._url} to give documents, got status {status}")
            found = (document.get("fields", {}) for document in answer["documents"])
            yield from (each for each in found if not each.get("deleted"))
            if "continuation" not in answer:
                return
            continuation = {"continuation": answer["continuation"]}

    def search(self, yql: str, **parameters: str | int) -> Fields:
        """The root of a query's result: `fields.totalCount`, `children`."""
        query = urllib.parse.urlencode({"yql": yql, **parameters})
        status, answer = self._ask(f"/search/?{query}")
        root: Fields = answer.get("root", {})
        if status != http.HTTPStatus.OK or not root or root.get("errors"):
            reasons = [error.get("message", "no message") for error in root.get("errors", ())]
            raise DevstackError(f"expected vespa to answer {yql}, got status {status}: {'; '.join(reasons)}")
        return root

    def counts(self) -> dict[str, int]:
        """How many documents there are of each type that has any (devstack's own request)."""
        status, answer = self._ask("/rowferry/stats")
        if status != http.HTTPStatus.OK:
            raise DevstackError(f"expected vespa at {self._url} to count its documents, got status {status}")
        found: dict[str, int] = answer["documents"]
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, target: str) -> tuple[int, Fields]:
        try:
            self._connection.request("GET", target)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as exc:
            self._connection.close()
            raise DevstackError(
                f"expected an answer from vespa at {self._url}, got {type(exc).__name__}: {exc}"
            ) from exc
