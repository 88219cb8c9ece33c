"""A polled table for the tests of this folder, made as a session's start makes it."""

from __future__ import annotations

from typing import Any

from cdc_reader.tables.planned import TopicSettings, plan_tables
from cdc_reader.tables.polled import PolledTable
from cdc_reader.transcode import make_encoder
from schemas.names import TableName
from tests.unit.cdc_reader.discovery.catalogs import catalog, column, table

COLUMNS = {"id": "bigint", "name": "text"}
NAME = TableName("public", "v")


def polled(timestamp: str | None = None, **more: Any) -> PolledTable:
    """A table `v` without identity; with `kind='v'` a view whose key the settings name."""
    kinds = {"replica_identity": "n", "named_key": more.get("kind") == "v", **more}
    columns = [*(column(at, *pair) for at, pair in enumerate(COLUMNS.items(), 1)), TIME]
    row = table(7, "v", COLUMNS, columns=tuple(columns), **kinds)
    settings = TopicSettings("rowferry", "cdc", 3, {}, timestamps={NAME: timestamp} if timestamp else {})
    planned = plan_tables(catalog(row), {}, settings, version=1, encoder_of=make_encoder)
    [found] = planned.polled
    assert planned.captured == []
    return found


TIME = column(3, "at", "timestamptz")
