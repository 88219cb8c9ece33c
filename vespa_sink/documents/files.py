"""
Results of files become documents: one for each reference, and one for each accepted row of a spreadsheet.

A text is as long as the fetcher left it; where a document is too large for Vespa, `operations` shortens it. Leaves
to others: deletes, when to write a document and on which condition.
"""

from __future__ import annotations

from typing import Any

from schemas.file_references import is_url
from schemas.file_results import Content, Extraction, FileResult, FileRow
from vespa_sink.documents.text import bounded, legal_fields
from vespa_sink.documents.times import long_value


def file_fields(result: FileResult, namespace: str) -> tuple[dict[str, Any], int]:
    """The fields of a reference's document, and how many code points had to be replaced in it."""
    origin = result.provenance
    fields = {
        "file_id": result.file_id,
        "record_id": origin.record_id,
        "namespace": namespace,
        "source_table": origin.source_table,
        "source_column": origin.column,
        "entry": origin.entry,
        "kind": origin.kind,
        "relationship_type": origin.relationship_type,
        "project_id": long_value(result.project_id),
        "file_name": result.file_name,
        "source_uri": _source_uri(result),
        "status": result.status.value,
        "reason": result.reason,
        "detail": result.detail,
        "fetched_at": result.ended_at_ms,
        "row_version": result.row_version,
        "version": result.version,
        "deleted": False,
    }
    if result.content is not None:
        fields |= _content(result.content)
    if result.extraction is not None:
        fields |= _extraction(result.extraction)
    return legal_fields(_present(fields))


def file_row_fields(row: FileRow, namespace: str, max_text_bytes: int) -> tuple[dict[str, Any], int]:
    """The fields of an accepted row's document, and how many code points had to be replaced in it."""
    fields = {
        "file_id": row.file_id,
        "record_id": row.record_id,
        "namespace": namespace,
        "source_table": row.record_id.rpartition("/")[0],
        "project_id": long_value(row.project_id),
        "file_name": row.file_name,
        "sheet": row.sheet,
        "row_number": row.row_number,
        "content_text": bounded("\n".join(value for value in row.values.values() if value), max_text_bytes),
        "values": dict(row.values),
        "version": row.version,
        "deleted": False,
    }
    return legal_fields(_present(fields))


def _source_uri(result: FileResult) -> str:
    """Where the file is from: a URL as the row holds it, without its query; of a key, bucket and key."""
    if not result.bucket or is_url(result.key):
        return result.key
    return f"s3://{result.bucket}/{result.key}"


def _content(content: Content) -> dict[str, Any]:
    return {
        "content_type": content.content_type,
        "declared_type": content.declared_type,
        "size_bytes": content.size_bytes,
        "sha256": content.sha256,
        "etag": content.etag,
        "storage_uri": content.storage_uri,
    }


def _extraction(extraction: Extraction) -> dict[str, Any]:
    return {
        "extraction_status": extraction.status,
        "parser": extraction.parser,
        "content_text": extraction.text,
        "text_uri": extraction.text_uri,
        "text_chars": extraction.text_chars,
        "truncated": extraction.truncated,
        "page_count": extraction.page_count,
        "rows_accepted": extraction.rows_accepted,
        "rows_rejected": extraction.rows_rejected,
        "metadata": dict(extraction.meta),
        "warnings": list(extraction.warnings),
    }


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
