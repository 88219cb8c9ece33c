"""Writes results of files into their topics and the index, as fetcher and sink would, without either."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.file_references import file_id
from schemas.file_results import Content, Extraction, FileResult, FileRow, Provenance, Status, result_version
from schemas.file_state import HeldRecord
from schemas.topics import Topics, state_topic
from tests.servers import VespaAddress
from vespa_sink.documents.files import file_fields, file_row_fields

Fields = dict[str, Any]
PDF = Content(7, "ab" * 32, "application/pdf", "file:///store/objects/ab")


def result(record_id: str, column: str, key: str, **changes: Any) -> FileResult:
    """A result of the file that a column (or, with `entry`, one entry of it) of a record refers to."""
    entry, kind, role = changes.pop("entry", None), changes.pop("kind", "s3_key"), changes.pop("role", "file")
    table = record_id.partition("/")[0]
    fields: dict[str, Any] = {
        "file_id": file_id(record_id, column, entry),
        "version": result_version(1, 0),
        "row_version": 1,
        "attempt": 0,
        "status": Status.FETCHED,
        "provenance": Provenance(record_id, f"public.{table}", table, column, role, kind, entry),
        "key": key,
        "file_name": key.rpartition("/")[2],
        "bucket": "drawings",
        "content": PDF,
        "extraction": Extraction("ok", "probe 1", "text"),
    }
    return FileResult(**{**fields, **changes})


def ended(status: Status, reason: str = "") -> Fields:
    """What a result without a content has instead."""
    return {"status": status, "reason": reason, "content": None, "extraction": None}


class FileTopics:
    """The fetcher's topics of one pipeline."""

    def __init__(self, bootstrap_servers: str, prefix: str) -> None:
        self._settings = KafkaSettings(bootstrap_servers=bootstrap_servers, prefix=prefix)
        self._topics = Topics(prefix)

    def create(self) -> None:
        names = (self._topics.files, self._topics.file_rows, self._topics.file_refs)
        KafkaAdmin(self._settings).ensure_topics([state_topic(name, 3) for name in names])

    def publish(self, results: Iterable[FileResult]) -> None:
        self.send(self._topics.files, [(each.file_id.encode(), each.to_json(), ()) for each in results])

    def hold(self, records: Iterable[HeldRecord]) -> None:
        self.send(self._topics.file_refs, [(each.record_id.encode(), each.to_json(), ()) for each in records])

    def end(self, record_id: str, row_version: int) -> None:
        header = ("rowferry.version", str(row_version).encode())
        self.send(self._topics.file_refs, [(record_id.encode(), None, (header,))])

    def send(self, topic: str, records: Iterable[tuple[bytes, bytes | None, Any]]) -> None:
        producer = IdempotentProducer(self._settings)
        try:
            for key, value, headers in records:
                producer.send(topic, key, value, partition=1, headers=headers)
            producer.flush_or_raise()
        finally:
            producer.close()


class IndexedFiles:
    """The documents of files and of their rows in one namespace."""

    def __init__(self, vespa: VespaAddress, namespace: str) -> None:
        self._namespace = namespace
        self._base = f"{vespa.url}/document/v1/{namespace}"

    def put(self, found: FileResult) -> None:
        self.put_fields("procore_file", found.file_id, file_fields(found, self._namespace)[0])

    def put_row(self, row: FileRow) -> None:
        self.put_fields("procore_file_row", row.row_id, file_row_fields(row, self._namespace, 1000)[0])

    def put_fields(self, kind: str, doc_id: str, fields: Fields) -> None:
        self._send("POST", kind, doc_id, {"fields": fields})

    def remove(self, kind: str, doc_id: str) -> None:
        self._send("DELETE", kind, doc_id, None)

    def clear(self) -> None:
        """Remove them all: other tests share the index."""
        for kind in ("procore_file", "procore_file_row"):
            query = "fieldSet=[id]&wantedDocumentCount=500"
            while found := self._listed(f"{self._base}/{kind}/docid?{query}"):
                for doc_id in found:
                    self.remove(kind, doc_id)

    def _listed(self, url: str) -> list[str]:
        with urllib.request.urlopen(url) as answer:
            return [each["id"].split("::", 1)[1] for each in json.load(answer)["documents"]]

    def _send(self, method: str, kind: str, doc_id: str, body: Fields | None) -> None:
        data = None if body is None else json.dumps(body).encode()
        url = f"{self._base}/{kind}/docid/{quote(doc_id, safe='')}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request) as answer:
            answer.read()
