"""Puts the rows of a database into the index as the pipeline would, without the pipeline."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from psycopg import sql

from cdc_reader.discovery.captures import REPLICATION
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.selection import Selection
from schemas.keys import row_key
from schemas.names import TableName
from schemas.tables import TableEntry
from tests.databases import Database
from tests.servers import VespaAddress
from vespa_sink.documents.record import RowIdentity, Shape, record_plan

Fields = dict[str, Any]
NO_PARTITION = 2**31 - 1  # no sweep of another test looks here


class IndexedRows:
    """The record documents of one namespace, to be written, spoilt and removed by tests."""

    def __init__(self, vespa: VespaAddress, namespace: str) -> None:
        self._namespace = namespace
        self._base = f"{vespa.url}/document/v1/{namespace}/procore_record/docid/"

    def put(self, fields: Fields, doc_id: str | None = None) -> None:
        self._send("POST", doc_id or fields["doc_id"], {"fields": fields})

    def assign(self, doc_id: str, **fields: Any) -> None:
        self._send("PUT", doc_id, {"fields": {name: {"assign": value} for name, value in fields.items()}})

    def remove(self, doc_id: str) -> None:
        self._send("DELETE", doc_id, None)

    def get(self, doc_id: str) -> Fields:
        with urllib.request.urlopen(self._base + quote(doc_id, safe="")) as answer:
            return json.load(answer)["fields"]

    def clear(self) -> None:
        """Remove them all: other tests share the index, and sweeps look at every namespace."""
        while True:
            with urllib.request.urlopen(self._base.rstrip("/") + "?fieldSet=[id]&wantedDocumentCount=500") as answer:
                found = json.load(answer)["documents"]
            if not found:
                return
            for document in found:
                self.remove(document["id"].split("::", 1)[1])

    def put_all(self, database: Database) -> int:
        """Write a document for each row of each table that is captured by replication; gives back how many."""
        count = 0
        for fields in documents(database, self._namespace):
            self.put(fields)
            count += 1
        return count

    def _send(self, method: str, doc_id: str, body: Fields | None) -> None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._base + quote(doc_id, safe=""), data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                answer.read()
        except HTTPError as exc:
            raise AssertionError(f"{method} {doc_id} was answered {exc.code}: {exc.read().decode()}") from exc


def documents(database: Database, namespace: str) -> Iterator[Fields]:
    """The documents of all rows, by the sink's own mapping."""
    with database.connect() as connection:
        catalog = read_catalog(connection, Selection.of())
        found = table_entries(catalog, source="test", version=1, topic_of=lambda name: TopicPlan(str(name), 1))
        entries = {entry.name: entry for entry in found}

        def key_of(name: TableName) -> tuple[str, ...] | None:
            return entries[name].primary_key if name in entries else None

        for entry in found:
            if entry.capture.mode == REPLICATION:
                plan = record_plan(entry, Shape(namespace), key_of)
                for row in _rows(connection, entry):
                    key = row_key([row[name] for name in entry.primary_key])
                    yield plan.fields(RowIdentity(key, 1, NO_PARTITION), row, 0)[0]


def _rows(connection: Any, entry: TableEntry) -> Iterator[dict[str, str]]:
    columns = [column.name for column in entry.columns if not column.generated]
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(entry.schema, entry.table)
    )
    result = connection.pgconn.exec_(query.as_string(connection).encode())
    for at in range(result.ntuples):
        values = (result.get_value(at, place) for place in range(len(columns)))
        yield {name: value.decode() for name, value in zip(columns, values, strict=True) if value is not None}
