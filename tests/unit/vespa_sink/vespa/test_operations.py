from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from schemas.errors import RecordError
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.vespa.operations import (
    Action,
    Limits,
    Operation,
    conditional_put,
    conditional_remove,
    probe,
    remove_forgotten,
    versioned_delete,
)

RFI = DocumentId("procore", "procore_record", "rfis/17")
LIMITS = Limits(max_document_bytes=1000, timeout_ms=2500)
PATH = "/document/v1/procore/procore_record/docid/rfis%2F17"


def _query(operation: Operation) -> dict[str, str]:
    parts = urlsplit(operation.target)
    assert parts.path == PATH
    return {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}


def test_put_replaces_the_document_only_over_an_older_version() -> None:
    operation = conditional_put(RFI, 99, {"title": "a"}, LIMITS)
    assert (operation.method, operation.action, operation.version) == ("POST", Action.PUT, 99)
    assert orjson.loads(operation.body or b"") == {"fields": {"title": "a"}}
    assert _query(operation) == {
        "condition": "procore_record.version == null or procore_record.version < 99",
        "create": "true",
        "timeout": "2500ms",
    }


@pytest.mark.rule("V3")
def test_v3_delete_is_a_put_of_the_memory_alone() -> None:
    operation = versioned_delete(RFI, 99, 1_700_000_000, LIMITS)
    assert (operation.method, operation.action) == ("POST", Action.DELETE)
    assert orjson.loads(operation.body or b"") == {
        "fields": {"deleted": True, "version": 99, "expire_at": 1_700_604_800}
    }
    assert _query(operation) == {
        "condition": "procore_record.version == null or procore_record.version < 99",
        "create": "true",
        "timeout": "2500ms",
    }


def test_remove_below_a_floor_never_creates_and_spares_newer_versions() -> None:
    operation = conditional_remove(RFI, 99, LIMITS)
    assert (operation.method, operation.body) == ("DELETE", None)
    assert _query(operation) == {"condition": "procore_record.version < 99", "timeout": "2500ms"}


def test_remove_after_an_ignored_delete_takes_documents_without_version_too() -> None:
    assert _query(remove_forgotten(RFI, 99, LIMITS)) == {
        "condition": "procore_record.version == null or procore_record.version < 99",
        "timeout": "2500ms",
    }


def test_probe_can_never_write() -> None:
    assert _query(probe(RFI, {"title": "a"}, LIMITS)) == {
        "condition": "procore_record.version < -9223372036854775808",
        "timeout": "2500ms",
    }


@pytest.mark.parametrize("text", ["x" * 5000, '"\\' * 2500, "\u0001" * 5000, "\u00e6" * 3000])
def test_text_gives_way_when_a_document_is_too_large(text: str) -> None:
    operation = conditional_put(RFI, 99, {"metadata": {"a": "y" * 400}, "content_text": text}, LIMITS)
    assert len(operation.body or b"") <= 1000
    fields = orjson.loads(operation.body or b"")["fields"]
    assert fields["metadata"] == {"a": "y" * 400}
    assert fields["content_text"]
    assert text.startswith(fields["content_text"])


def test_file_whose_text_gives_way_says_that_it_is_truncated() -> None:
    fields = {"content_text": "x" * 5000, "truncated": False}
    kept = orjson.loads(conditional_put(RFI, 99, fields, LIMITS).body or b"")["fields"]
    assert kept["truncated"] is True
    assert 0 < len(kept["content_text"]) < 1000


def test_document_whose_columns_alone_are_too_large_is_refused_without_its_values() -> None:
    with pytest.raises(RecordError) as caught:
        conditional_put(RFI, 99, {"metadata": {"a": "SECRET" * 400}, "content_text": "b"}, LIMITS)
    assert str(caught.value) == "expected a document of at most 1000 bytes, got 2432 without its text"
