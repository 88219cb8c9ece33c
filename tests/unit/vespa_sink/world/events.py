"""What the reader writes of one table: its schema, its entry, and the values of its records."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import fastavro

from schemas.avro_types import ColumnType
from schemas.catalog_marks import catalog_mark
from schemas.envelope import TableSchema, envelope_schema
from schemas.names import TableName
from schemas.tables import Capture, Column, Relationship, TableEntry
from schemas.wire import fingerprint, frame
from tests.unit.vespa_sink.world.clock import Clock

COLUMNS = (ColumnType("id", "bigint", 20, "int8"), ColumnType("title", "text", 25, "text"))


class TableEvents:
    """Events of a table with an id and a title, and with these edges."""

    def __init__(self, table: TableName, clock: Clock, *edges: Relationship) -> None:
        self._clock = clock
        self._table = table
        entry = TableEntry(
            version=1,
            source="rowferry",
            database="db",
            schema=table.schema,
            table=table.name,
            oid=1,
            topic=f"cdc.{table.schema}.{table.name}",
            partitions=2,
            columns=tuple(
                Column(each.name, each.type, each.type_oid, -1, nullable=True, ordinal=ordinal)
                for ordinal, each in enumerate(COLUMNS, 1)
            ),
            primary_key=("id",),
            capture=Capture("replication", "it has a primary key"),
            relationships=edges,
        )
        mark = catalog_mark(entry, {table: ("id",)}.get)
        self.schema = envelope_schema(TableSchema("cdc", table.schema, table.name, COLUMNS, ("id",), mark))
        self.fingerprint = fingerprint(self.schema)
        self.entry = replace(entry, catalog_mark=mark, schema_fingerprint=self.fingerprint.hex())
        self._parsed = fastavro.parse_schema(self.schema)

    def put(self, key: int, title: str, version: int) -> bytes:
        return self._event(op="c", version=version, after={"id": key, "title": title})

    def delete(self, key: int, version: int) -> bytes:
        return self._event(op="d", version=version, before=(f"{self.schema['namespace']}.Key", {"id": key}))

    def floor(self, below_version: int, op: str) -> bytes:
        return self._event(op=op, version=below_version, below_version=below_version)

    def _event(self, **changed: Any) -> bytes:
        now_us = int(self._clock.time() * 1_000_000)
        source = {
            "mode": "stream",
            "db": "db",
            "schema": self._table.schema,
            "table": self._table.name,
            "name": "rowferry",
            "txId": 1,
            "commit_lsn": 1,
            "ts_us": now_us,
            "lsn": 1,
            "ordinal": 1,
        }
        event = {
            "source": source,
            "ts_ms": now_us // 1000,
            "transaction": None,
            "below_version": None,
            "refetched": [],
            "omitted": [],
            "before": None,
            "after": None,
            **changed,
        }
        body = io.BytesIO()
        fastavro.schemaless_writer(body, self._parsed, event)
        return frame(self.fingerprint) + body.getvalue()
