"""The requests that the tests of the Vespa server make: plain HTTP, answers as they come."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from dataclasses import dataclass
from typing import Any

_TIMEOUT_S = 30.0
GUARD = "procore_record.version == null or procore_record.version < {}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VespaClient:
    """Talks to the server on a port of 127.0.0.1, within one namespace of document ids."""

    port: int
    namespace: str

    def ask(self, method: str, path: str, body: object = None, **parameters: object) -> Answer:
        query = urllib.parse.urlencode(parameters)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, f"{path}?{query}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), json.loads(response.read()))
        finally:
            connection.close()

    def path(self, doc_id: str, doc_type: str = "procore_record") -> str:
        return f"/document/v1/{self.namespace}/{doc_type}/docid/{urllib.parse.quote(doc_id, safe='')}"

    def put(self, doc_id: str, fields: dict[str, Any], **parameters: object) -> Answer:
        return self.ask("POST", self.path(doc_id), {"fields": fields}, **parameters)

    def put_newer(self, doc_id: str, fields: dict[str, Any]) -> Answer:
        """As the sink writes: only over nothing, no version or an older version."""
        return self.put(doc_id, fields, create="true", condition=GUARD.format(fields["version"]))

    def fields(self, doc_id: str) -> dict[str, Any] | None:
        answer = self.ask("GET", self.path(doc_id))
        return answer.body["fields"] if answer.status == 200 else None

    def search(self, yql: str, **parameters: object) -> dict[str, Any]:
        root: dict[str, Any] = self.ask("GET", "/search/", yql=yql, **parameters).body["root"]
        return root

    def found(self, yql: str) -> list[str]:
        """The ``doc_id`` of each hit, in their order; AssertionError when the query fails."""
        root = self.search(yql)
        assert "errors" not in root, root["errors"]
        return [hit["fields"]["doc_id"] for hit in root.get("children", [])]
