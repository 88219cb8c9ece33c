"""Documents that have every field we ever write: what the index is probed with before a document is blamed."""

from __future__ import annotations

from typing import Any, Protocol

from schemas.file_results import Content, Extraction, FileResult, FileRow, Provenance, Status
from schemas.tables import Capture, Column, FileColumn, Relationship, TableEntry
from vespa_sink.documents.files import file_fields, file_row_fields
from vespa_sink.documents.record import RowIdentity, Shape, record_plan
from vespa_sink.documents.schema import Pipeline, schema_fields

PROBE_USER_ID = "_rowferry/probe"  # never written
_NAMES = ("id", "title", "project_id", "created_at", "updated_at", "s3_key", "parent_id")
_TYPES = dict.fromkeys(("created_at", "updated_at"), "timestamp with time zone")  # the others are of text
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
            Column(name, _TYPES.get(name, "text"), 25, -1, nullable=True, ordinal=ordinal, description="probe")
            for ordinal, name in enumerate(_NAMES, 1)
        ),
        primary_key=("id",),
        capture=Capture("none", "probe"),
        description="probe",
        relationships=(Relationship("out", "parent_id", "public.probe", "id", "belongs_to", declared=False),),
        file_columns=(FileColumn("s3_key", "s3_key", "*_s3_key"),),
    )


class DocumentTypes(Protocol):
    """What the document types are called; settings are such."""

    @property
    def record_type(self) -> str:
        """Rows."""

    @property
    def schema_type(self) -> str:
        """Tables."""

    @property
    def file_type(self) -> str:
        """References to files."""

    @property
    def file_row_type(self) -> str:
        """Rows of spreadsheets."""


def samples(types: DocumentTypes) -> dict[str, dict[str, Any]]:
    """A document with every field, by document type; rows come first."""
    return {
        types.record_type: record_sample(),
        types.schema_type: schema_sample(),
        types.file_type: file_sample(),
        types.file_row_type: file_row_sample(),
    }


def record_sample() -> dict[str, Any]:
    """A row's document with every field, and (deletes write it) `expire_at`."""
    plan = record_plan(_entry(), Shape("probe"), lambda _: ("id",))
    fields, _ = plan.fields(RowIdentity(b"1", 1, 0), _ROW, 0, ("probe",))
    return {**fields, "expire_at": 0}


def schema_sample() -> dict[str, Any]:
    """A table's document with every field."""
    return {**schema_fields(_entry(), Pipeline("probe", "probe"), 0), "expire_at": 0}


def file_sample() -> dict[str, Any]:
    """A reference's document with every field, those of a failure too."""
    result = FileResult(
        file_id="probe/1/s3_keys/1",
        version=1,
        row_version=1,
        attempt=0,
        status=Status.FETCHED,
        provenance=Provenance("probe/1", "public.probe", "probe", "s3_keys", "probe", "jsonb_s3_map", "1"),
        key="folder/probe.pdf",
        file_name="probe.pdf",
        reason="probe",
        detail="probe",
        bucket="probe",
        project_id="1",
        content=Content(1, "0" * 64, "application/pdf", "file:///probe", "application/pdf", "probe", "probe"),
        extraction=Extraction(
            status="ok",
            parser="probe 1",
            text="probe",
            text_uri="file:///probe",
            text_chars=5,
            page_count=1,
            meta={"probe": "1"},
            warnings=("probe",),
        ),
    )
    return {**file_fields(result, "probe")[0], "expire_at": 0}


def file_row_sample() -> dict[str, Any]:
    """The document of a spreadsheet's row with every field."""
    row = FileRow("probe/1/s3_key", "probe/1", "probe", 1, 1, {"probe": "1"}, file_name="probe.csv", project_id="1")
    return {**file_row_fields(row, "probe", 100)[0], "expire_at": 0}
