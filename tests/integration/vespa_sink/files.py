"""Publishes results of files as the fetcher does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.file_results import Content, Extraction, FileResult, FileRow, Provenance, Status, result_version
from schemas.topics import Topics, state_topic

_CONTENT = Content(1234, "ab" * 32, "application/pdf", "file:///store/ab")
_TEXT = Extraction("ok", "pypdfium2 5", "Curtain wall anchors", text_chars=20, page_count=2)
PARTITIONS = 2


class FileFeeder:
    """Two partitions; ids are `photos/<row>/image_s3_key`, and a row's partition is its number modulo two."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.topics = Topics(kafka.prefix)
        self._producer = IdempotentProducer(kafka)
        self._admin = KafkaAdmin(kafka)

    def create_topics(self) -> None:
        """As the fetcher creates them at its start."""
        self._admin.ensure_topics(
            [state_topic(name, PARTITIONS) for name in (self.topics.files, self.topics.file_rows)]
        )

    def file(self, row: int, row_version: int, *, attempt: int = 0, **more: Any) -> FileResult:
        """Publish a fetched file of a row, or what `more` makes of it."""
        result = FileResult(
            file_id=f"photos/{row}/image_s3_key",
            version=result_version(row_version, attempt),
            row_version=row_version,
            attempt=attempt,
            status=Status.FETCHED,
            provenance=Provenance(f"photos/{row}", "public.photos", "photos", "image_s3_key", "image", "s3_key"),
            key=f"images/{row}.pdf",
            file_name=f"{row}.pdf",
            bucket="files",
            project_id="3",
            ended_at_ms=1_700_000_000_000,
            content=_CONTENT,
            extraction=_TEXT,
        )
        result = replace(result, **more)
        self.raw(self.topics.files, result.file_id, result.to_json(), row)
        return result

    def gone(self, row: int, row_version: int) -> FileResult:
        """Publish that nothing refers to a file any more."""
        return self.file(row, row_version, status=Status.GONE, content=None, extraction=None)

    def line(self, row: int, number: int, row_version: int, values: dict[str, str], **more: Any) -> FileRow:
        """Publish a row of the spreadsheet that is the file of a row."""
        line = FileRow(
            f"photos/{row}/image_s3_key",
            f"photos/{row}",
            "Sheet 1",
            number,
            result_version(row_version, 0),
            values,
            file_name=f"{row}.xlsx",
            project_id="3",
        )
        line = replace(line, **more)
        self.raw(self.topics.file_rows, line.row_id, line.to_json(), row)
        return line

    def raw(self, topic: str, key: str, value: bytes | None, row: int = 0) -> None:
        self._producer.send(topic, key.encode(), value, partition=row % PARTITIONS)

    def flush(self) -> None:
        self._producer.flush_or_raise()

    def close(self) -> None:
        self._producer.close()
