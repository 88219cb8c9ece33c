"""Table entries for the sink's tests."""

from __future__ import annotations

from typing import Any

from schemas.tables import Capture, Column, FileColumn, Relationship, TableEntry


def column(name: str, pg_type: str = "text", **more: Any) -> Column:
    return Column(name, pg_type, 25, -1, nullable=True, ordinal=1, **more)


def entry(name: str = "rfis", columns: tuple[Column, ...] = (), **more: Any) -> TableEntry:
    return TableEntry(
        **{
            "version": 5,
            "source": "rowferry",
            "database": "db",
            "schema": "public",
            "table": name,
            "oid": 1,
            "topic": f"cdc.public.{name}",
            "partitions": 1,
            "columns": columns,
            "primary_key": ("id",),
            "capture": Capture("replication", "it has a primary key"),
            **more,
        }
    )


RFIS = entry(
    columns=(
        column("id", "bigint", primary_key=True),
        column("title"),
        column("question"),
        column("status", "character varying(20)"),
        column("project_id", "bigint"),
        column("pdf_url"),
        column("settings", "jsonb"),
        column("created_at", "timestamp without time zone"),
        column("updated_at", "timestamp with time zone"),
    ),
    description="Requests for information",
    relationships=(
        Relationship("out", "project_id", "public.projects", "id", "belongs_to", declared=True),
        Relationship("in", "rfi_id", "public.replies", "id", "has_many", declared=False),
    ),
    file_columns=(FileColumn("pdf_url", "url", "*_url"),),
)
