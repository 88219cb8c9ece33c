"""
Edge: Vespa's side of the comparison: documents as /document/v1 returns them.

A visit is a full scan in pages, without a snapshot: what is written while it goes on may be seen or not.
Only what Vespa itself says counts: a 404 of a proxy is no missing document, and its page no empty index.

Keeps: V10.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from cdc_runtime.vespa_answers import (
    REMEDY,
    Body,
    answers_read,
    answers_visit,
    described,
    explains,
    json_object,
)
from rowferry.http_client import HttpClient
from rowferry.reconcile.facts import DATA_FIELDS, FIELDS, OMITTED
from schemas.errors import Neighbour, ServerSetting, Unreachable

Fields = dict[str, Any]
_DOCUMENTS_AT_ONCE = 500
_NAMES = (*dict.fromkeys((*FIELDS, *DATA_FIELDS, OMITTED)),)


class Index:
    """The documents of one namespace and type, with the fields that are compared; by default those of records."""

    def __init__(
        self, client: HttpClient, *, namespace: str, document_type: str, fields: Sequence[str] = _NAMES
    ) -> None:
        self._client = client
        self._type = document_type
        self._prefix = f"id:{namespace}:{document_type}::"
        self._path = f"/document/v1/{quote(namespace, safe='')}/{quote(document_type, safe='')}/docid"
        self._fields = f"{document_type}:{','.join(fields)}"

    def documents(self, tables: Collection[str] | None = None) -> Iterator[tuple[str, Fields]]:
        """Every document (of the given tables, named as in documents) as its own id and fields.

        Raises `Unreachable`, and `ServerSetting` when Vespa does not know the type or one of its fields.
        """
        query = {"wantedDocumentCount": str(_DOCUMENTS_AT_ONCE), "fieldSet": self._fields, "timeout": "60s"}
        if tables is not None:
            query["selection"] = " or ".join(
                f'{self._type}.source_table == "{_quoted(table)}"' for table in sorted(tables)
            )
        continuation: str | None = None
        while True:
            more = {"continuation": continuation} if continuation else {}
            page = self._get(f"{self._path}?{urlencode({**query, **more})}", answers_visit)
            for document in page["documents"]:
                yield document["id"].removeprefix(self._prefix), document.get("fields", {})
            continuation = page.get("continuation")
            if continuation is None:
                return

    def document(self, doc_id: str) -> Fields | None:
        """The fields of one document; None when there is none."""
        page = self._get(f"{self._path}/{quote(doc_id, safe='')}?{urlencode({'fieldSet': self._fields})}", answers_read)
        return page.get("fields")

    def _get(self, target: str, answers: Callable[[int, Body], bool]) -> Body:
        answer = self._client.get(target)
        body = json_object(answer.body)
        if answers(answer.status, body):
            return body
        if not explains(body):
            what = described(answer.status, answer.headers.get("Content-Type"))
            raise Unreachable(
                expected="documents from Vespa",
                found=f"an answer that is not Vespa's ({what})",
                neighbour=Neighbour.VESPA,
                remedy=REMEDY,
            )
        found = f"status {answer.status}: {str(body['message'])[:300]}"
        if answer.status in (400, 404):
            raise ServerSetting(
                expected=f"Vespa to know document type {self._type!r} and its fields",
                found=found,
                neighbour=Neighbour.VESPA,
                remedy="vespa-sink deploy deploy/vespa",
            )
        raise Unreachable(expected="documents from Vespa", found=found, neighbour=Neighbour.VESPA)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
