"""
What the outcome of one reference says (pure): the result that is published, and what is remembered of it.

Rule: the version of a result is that of the row and the number of the try (rule F3): a later try is newer, and anything
      of a newer row newer still.

Keeps: F3.
"""

from __future__ import annotations

from dataclasses import replace

from file_fetcher.settling.file_identity import digest, location_digest
from file_fetcher.work import Fetch, Got, Not, Row
from schemas.file_results import FileResult, Provenance, Status, result_version
from schemas.file_state import HeldFile, RowRange, State


def held_file(row: Row, fetch: Fetch, version: int, rows: tuple[RowRange, ...]) -> HeldFile:
    """A reference that the row's `version` brought and that is not there yet; `rows`: those of its old content."""
    reference = fetch.reference
    return HeldFile(
        file_id=reference.file_id,
        column=reference.column,
        key=reference.key,
        kind=reference.kind.value,
        version=version,
        state=State.RETRYING,
        entry=reference.entry,
        place=location_digest(reference.location),
        context=digest(row.project_id),
        attempt=fetch.attempt,
        rows=rows,
        since_ms=fetch.since_ms,
        file_name=reference.file_name,
        relationship_type=reference.relationship_type,
    )


def result_of(row: Row, file: HeldFile, now_ms: int) -> FileResult:
    """The result of a reference that is gone; of any other, what `outcome_of` begins with."""
    return FileResult(
        file_id=file.file_id,
        version=result_version(file.version, file.attempt),
        row_version=row.version,
        attempt=file.attempt,
        status=Status.GONE,
        provenance=Provenance(
            record_id=row.record_id,
            table=row.table,
            source_table=row.source_table,
            column=file.column,
            relationship_type=file.relationship_type,
            kind=file.kind,
            entry=file.entry,
        ),
        key=file.key,
        file_name=file.file_name,
        project_id=row.project_id,
        ended_at_ms=now_ms,
        row_committed_ms=row.committed_ms,
    )


def outcome_of(outcome: Got | Not, file: HeldFile, result: FileResult) -> tuple[FileResult, HeldFile]:
    """The result and the memory of a reference whose last try has ended."""
    result = replace(result, bucket=_bucket(outcome.origin))
    if isinstance(outcome, Not):
        status = Status.FAILED if outcome.failed else Status.SKIPPED
        result = replace(result, status=status, reason=outcome.reason, detail=outcome.detail)
        return result, replace(file, state=State(status.value), rows=(), reason=outcome.reason)
    content = outcome.content
    result = replace(result, status=Status.FETCHED, content=content, extraction=outcome.extraction)
    fetched = replace(
        file, state=State.FETCHED, rows=outcome.rows, size_bytes=content.size_bytes, sha256=content.sha256
    )
    return result, fetched


def _bucket(origin: str) -> str:
    """The name of a bucket; empty for another origin."""
    kind, _, name = origin.partition(":")
    return name if kind == "s3" else ""
