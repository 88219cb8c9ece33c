"""Results of files for the sink's tests."""

from __future__ import annotations

from typing import Any

from cdc_runtime.consuming.records import Record
from schemas.file_results import Content, Extraction, FileResult, FileRow, Provenance, Status

ORIGIN = Provenance("photos/7", "public.photos", "photos", "image_s3_key", "image", "s3_key")
CONTENT = Content(1234, "ab" * 32, "application/pdf", "file:///store/ab", "binary/octet-stream", '"e1"')


def result(**more: Any) -> FileResult:
    return FileResult(
        **{
            "file_id": "photos/7/image_s3_key",
            "version": 4096 * 50,
            "row_version": 50,
            "attempt": 0,
            "status": Status.FETCHED,
            "provenance": ORIGIN,
            "key": "a/b c.pdf",
            "file_name": "b c.pdf",
            "bucket": "files",
            "project_id": "3",
            "ended_at_ms": 1_700_000_000_000,
            "content": CONTENT,
            "extraction": Extraction("ok", "pypdfium2 5", "words of the file", text_chars=17, page_count=2),
            **more,
        }
    )


def row(**more: Any) -> FileRow:
    values = {"Name": "Beam", "Weight": "17"}
    return FileRow(
        **{
            "file_id": "photos/7/image_s3_key",
            "record_id": "photos/7",
            "sheet": "Sheet 1",
            "row_number": 3,
            "version": 4096 * 50,
            "values": values,
            "file_name": "b c.xlsx",
            "project_id": "3",
            **more,
        }
    )


def record_of(value: FileResult | FileRow) -> Record:
    key = value.file_id if isinstance(value, FileResult) else value.row_id
    return Record("cdc._files", 0, 5, key.encode(), value.to_json(), 1_700_000_000_000)
