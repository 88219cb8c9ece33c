from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.file_results import Extraction, FileResult, Provenance, Status
from tests.unit.vespa_sink.results import CONTENT, ORIGIN, result, row
from vespa_sink.documents.files import file_fields, file_row_fields


def test_fetched_file_has_its_content_text_and_provenance() -> None:
    assert file_fields(result(), "ns") == (
        {
            "file_id": "photos/7/image_s3_key",
            "record_id": "photos/7",
            "namespace": "ns",
            "source_table": "photos",
            "source_column": "image_s3_key",
            "kind": "s3_key",
            "relationship_type": "image",
            "project_id": 3,
            "file_name": "b c.pdf",
            "source_uri": "s3://files/a/b c.pdf",
            "status": "fetched",
            "fetched_at": 1_700_000_000_000,
            "row_version": 50,
            "version": 204_800,
            "deleted": False,
            "content_type": "application/pdf",
            "declared_type": "binary/octet-stream",
            "size_bytes": 1234,
            "sha256": "ab" * 32,
            "etag": '"e1"',
            "storage_uri": "file:///store/ab",
            "extraction_status": "ok",
            "parser": "pypdfium2 5",
            "content_text": "words of the file",
            "text_chars": 17,
            "truncated": False,
            "page_count": 2,
            "rows_accepted": 0,
            "rows_rejected": 0,
        },
        0,
    )


def test_file_that_was_not_fetched_has_its_reason_and_no_content() -> None:
    failed = result(status=Status.FAILED, reason="not_found", detail="tried 7 times", content=None, extraction=None)
    fields, _ = file_fields(failed, "ns")
    assert (fields["status"], fields["reason"], fields["detail"]) == ("failed", "not_found", "tried 7 times")
    assert not {"content_type", "size_bytes", "extraction_status", "content_text", "truncated"} & fields.keys()


PLACES = {
    "key": (ORIGIN, "a/b.pdf", "files", "s3://files/a/b.pdf"),
    "key of a map": (replace(ORIGIN, kind="jsonb_s3_map", entry="9"), "/a//b", "files", "s3://files//a//b"),
    "key without a bucket": (ORIGIN, "a/b.pdf", "", "a/b.pdf"),
    "address in a map": (
        replace(ORIGIN, kind="jsonb_s3_map", entry="9"),
        "s3://b/u/P #3.csv",
        "b",
        "s3://b/u/P #3.csv",
    ),
    "link": (replace(ORIGIN, kind="url"), "https://x.example/a", "", "https://x.example/a"),
    "link that was fetched from S3": (replace(ORIGIN, kind="url"), "https://x.example/a", "b", "https://x.example/a"),
}


@pytest.mark.parametrize(("origin", "key", "bucket", "uri"), PLACES.values(), ids=PLACES)
def test_source_is_named_as_the_row_names_it(origin: Provenance, key: str, bucket: str, uri: str) -> None:
    assert file_fields(result(provenance=origin, key=key, bucket=bucket), "ns")[0]["source_uri"] == uri


def test_entry_of_a_map_meta_and_warnings_are_kept() -> None:
    extraction = Extraction(
        "none",
        meta={"width": "10"},
        warnings=("cut",),
        text_uri="file:///t",
        truncated=True,
        rows_accepted=4,
        rows_rejected=1,
    )
    fields, _ = file_fields(result(provenance=replace(ORIGIN, entry="9"), extraction=extraction), "ns")
    assert (fields["entry"], fields["metadata"], fields["warnings"]) == ("9", {"width": "10"}, ["cut"])
    assert (fields["text_uri"], fields["truncated"]) == ("file:///t", True)
    assert (fields["rows_accepted"], fields["rows_rejected"]) == (4, 1)


def test_project_that_is_no_number_is_left_out() -> None:
    assert "project_id" not in file_fields(result(project_id="P-17"), "ns")[0]
    assert "project_id" not in file_row_fields(row(project_id=""), "ns", 100)[0]


ILLEGAL = {
    "name": (result(file_name="a\x00b"), "file_name", "a\ufffdb"),
    "key": (result(key="a\x01"), "source_uri", "s3://files/a\ufffd"),
    "text": (result(extraction=Extraction("ok", text="a\x02\ufffe")), "content_text", "a\ufffd\ufffd"),
    "meta": (
        result(extraction=Extraction("ok", meta={"ti\x03tle": "x\ud800"})),
        "metadata",
        {"ti\ufffdtle": "x\ufffd"},
    ),
    "warning": (result(extraction=Extraction("ok", warnings=("\x1f",))), "warnings", ["\ufffd"]),
    "entry": (result(provenance=replace(ORIGIN, entry="\x07")), "entry", "\ufffd"),
    "detail": (result(detail="\x08"), "detail", "\ufffd"),
    "declared type": (result(content=replace(CONTENT, declared_type="a\x0b")), "declared_type", "a\ufffd"),
}
COUNTS = {"text": 2, "meta": 2}


@pytest.mark.parametrize("name", ILLEGAL)
def test_code_points_that_vespa_refuses_are_replaced_everywhere_and_counted(name: str) -> None:
    given, field, clean = ILLEGAL[name]
    fields, replaced = file_fields(given, "ns")
    assert (fields[field], replaced) == (clean, COUNTS.get(name, 1))


def test_accepted_row_has_its_values_and_their_text() -> None:
    assert file_row_fields(row(), "ns", 100) == (
        {
            "file_id": "photos/7/image_s3_key",
            "record_id": "photos/7",
            "namespace": "ns",
            "source_table": "photos",
            "project_id": 3,
            "file_name": "b c.xlsx",
            "sheet": "Sheet 1",
            "row_number": 3,
            "content_text": "Beam\n17",
            "values": {"Name": "Beam", "Weight": "17"},
            "version": 204_800,
            "deleted": False,
        },
        0,
    )


def test_table_outside_public_is_the_one_of_its_record() -> None:
    assert file_row_fields(row(record_id="crm.photos/1,a%2Fb"), "ns", 100)[0]["source_table"] == "crm.photos"


def test_text_of_a_row_is_bounded_and_its_values_are_whole() -> None:
    fields, _ = file_row_fields(row(values={"a": "", "b": "1234", "c": "5678"}), "ns", 7)
    assert (fields["content_text"], fields["values"]) == ("1234\n56", {"a": "", "b": "1234", "c": "5678"})


def test_row_with_code_points_that_vespa_refuses_is_written_without_them() -> None:
    fields, replaced = file_row_fields(row(values={"a\x00": "b\x01"}, sheet="\x02"), "ns", 100)
    assert (fields["values"], fields["content_text"], fields["sheet"]) == ({"a\ufffd": "b\ufffd"}, "b\ufffd", "\ufffd")
    assert replaced == 4


def test_result_survives_its_record() -> None:
    fields, _ = file_fields(FileResult.from_json(result().to_json()), "ns")
    assert fields == file_fields(result(), "ns")[0]
