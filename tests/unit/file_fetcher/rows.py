"""Rows, references, works and outcomes, made for the fetcher's tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cdc_runtime.consuming.records import Record, TopicPartition
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.retries import Retry
from file_fetcher.work import Fetch, Got, Not, Outcome, ParsedRow, Row, Work
from schemas.file_references import FileKind, FileReference, file_id, file_name, relationship_type, without_query
from schemas.file_results import Content, Extraction
from schemas.file_state import RowRange
from schemas.topics import Topics

TOPICS = Topics("cdc")
TOPIC = "cdc.public.photos"
# Partition 4 of the table's topic has its state in partition 1 of three.
OWN_TOPICS = OwnTopics(TOPICS, "rowferry-file-fetcher", 3)
PARTITION = TopicPartition(TOPIC, 4)
EXTRACTION = Extraction(status="none")


def reference(location: str = "a.pdf", column: str = "image_s3_key", entry: str | None = None) -> FileReference:
    """What row 7 refers to in a column."""
    return FileReference(
        column=column,
        kind=FileKind.URL if "://" in location else FileKind.S3_KEY,
        key=without_query(location),
        file_name=file_name(location),
        file_id=file_id("photos/7", column, entry),
        relationship_type=relationship_type(column),
        entry=entry,
        location=location,
    )


def row(version: int = 10, *references: FileReference, **more: Any) -> Row:
    """Row 7 after an event."""
    fields = {"table": "public.photos", "source_table": "photos", "partition": 4, **more}
    return Row(fields.pop("record_id", "photos/7"), version=version, references=references, **fields)


def event(offset: int = 5, value: bytes | None = b"event") -> Record:
    """The record of an event of row 7."""
    return Record(TOPIC, 4, offset, b"7", value, 1_700_000_000_000)


def work(of: Row, retry: Retry | None = None, offset: int = 5) -> Work:
    """A work that has not started."""
    return Work(PARTITION, event(-1 if retry else offset), of, retry)


def done(of: Work, outcome: Outcome | None = None, attempt: int = 0) -> Work:
    """Give a work that has started and got the same outcome for all of its references."""
    of.started = True
    for each in of.row.references:
        if of.retry is None or of.retry.file_id == each.file_id:
            of.fetches[each.file_id] = Fetch(each, attempt, 1_000)
            of.outcomes[each.file_id] = outcome or got()
    return of


def got(rows: Iterable[RowRange] = (), sha256: str = "ab" * 32, open_rows: Any = None) -> Got:
    """A file that was fetched; of a spreadsheet every row that is in the ranges."""
    ranges = tuple(rows)
    parsed = [ParsedRow(sheet, n, {"A": str(n)}) for sheet, first, last in ranges for n in range(first, last + 1)]
    content = Content(12, sha256, "application/pdf", f"file:///store/{sha256}")
    return Got(content, EXTRACTION, ranges, open_rows or (lambda: iter(parsed)), "s3:photos")


def skipped(reason: str = "too_large") -> Not:
    """A file that is not wanted."""
    return Not(False, reason, "it has 101 bytes", "s3:photos")


def failed(reason: str = "not_found") -> Not:
    """A file that cannot be had."""
    return Not(True, reason, "no such object", "s3:photos")
