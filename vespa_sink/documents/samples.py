"""Documents that have every field we ever write: what the index is probed with before a document is blamed."""

from __future__ import annotations

from typing import Any

from schemas.tables import Capture, Column, FileColumn, Relationship, TableEntry
from vespa_sink.documents.record import RowIdentity, Shape, record_plan
from vespa_sink.documents.schema import Pipeline, schema_fields

PROBE_USER_ID = "_rowferry/probe"  # never written
_NAMES = ("id", "title", "project_id", "created_at", "updated_at", "s3_key", "parent_id")
_ROW = {
    "id": "1",
    "title": "probe",
    "project_id": "1",
    "created_at": "2000-01-01 00:00:00+00",
    "updated_at": "2000-01-01 00:00:00+00",
    "s3_key": "folder/probe.pdf",
    "parent_id": "1",
}


def _entry() -> TableEntry:
    return TableEntry(
        version=1,
        source="probe",
        database="probe",
        schema="public",
        table="probe",
        oid=1,
        topic="probe",
        partitions=1,
        columns=tuple(
            Column(name, "text", 25, -1, nullable=True, ordinal=ordinal, description="probe")
            for ordinal, name in enumerate(_NAMES, 1)
        ),
        primary_key=("id",),
        capture=Capture("none", "probe"),
        description="probe",
        relationships=(Relationship("out", "parent_id", "public.probe", "id", "belongs_to", declared=False),),
        file_columns=(FileColumn("s3_key", "s3_key", "*_s3_key"),),
    )


def record_sample() -> dict[str, Any]:
    """A row's document with every field, and (deletes write it) `expire_at`."""
    plan = record_plan(_entry(), Shape("probe"), lambda _: ("id",))
    fields, _ = plan.fields(RowIdentity(b"1", 1, 0), _ROW, 0)
    return {**fields, "expire_at": 0}


def schema_sample() -> dict[str, Any]:
    """A table's document with every field."""
    return {**schema_fields(_entry(), Pipeline("probe", "probe"), 0), "expire_at": 0}
