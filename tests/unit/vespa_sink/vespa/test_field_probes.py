"""One walk finds out what the index lacks, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from schemas.errors import AccessDenied, Neighbour, NeighbourMissing, RowferryError, ServerSetting
from vespa_sink.documents.samples import samples
from vespa_sink.settings import VespaSettings
from vespa_sink.vespa.answers import NO_ANSWER, Answer
from vespa_sink.vespa.field_probes import Lacking, field_probe, lacking, takes_fields
from vespa_sink.vespa.operations import Limits

TYPES = VespaSettings(
    namespace="ns", record_type="rows", schema_type="tables", file_type="files", file_row_type="lines"
)
SAMPLES = samples(TYPES)


class Index:
    """Takes the fields that it knows, by document type."""

    def __init__(self, without: Mapping[str, set[str]] | None = None, types: set[str] | None = None) -> None:
        self._without = without or {}
        self._types = SAMPLES.keys() if types is None else types
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def takes(self, document_type: str, fields: Mapping[str, Any]) -> bool:
        self.asked.append((document_type, tuple(fields)))
        return document_type in self._types and not self._without.get(document_type, set()) & fields.keys()


def test_an_index_that_lacks_nothing_is_asked_once_a_type() -> None:
    index = Index()
    assert list(lacking(TYPES, index.takes)) == []
    assert [name for name, _ in index.asked] == ["rows", "tables", "files", "lines"]


def test_missing_fields_are_named() -> None:
    index = Index(without={"rows": {"version", "deleted"}})
    (found,) = lacking(TYPES, index.takes)
    assert (found.document_type, set(found.fields), found.has_type) == ("rows", {"version", "deleted"}, True)
    assert found.found == "others"


def test_a_type_of_which_no_field_is_taken_is_missing() -> None:
    index = Index(types={"rows", "tables", "files"})
    (found,) = lacking(TYPES, index.takes)
    assert (found.has_type, found.expected, found.found) == (False, "document type lines", "none")


def test_a_whole_document_that_is_refused_though_every_field_is_taken_is_told() -> None:
    def takes(document_type: str, fields: Mapping[str, Any]) -> bool:
        return document_type != "rows" or len(fields) == 1

    assert list(lacking(TYPES, takes)) == [Lacking("rows", ())]
    assert Lacking("rows", ()).expected == "rows to take a whole document"


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [(Answer(200, ignored_operation=True), True), (Answer(412), True), (Answer(400), False), (Answer(413), False)],
    ids=str,
)
def test_an_answer_says_whether_fields_are_taken(answer: Answer, accepted: bool) -> None:
    assert takes_fields(answer, "http://index") is accepted


@pytest.mark.parametrize(
    ("answer", "kind", "found"),
    [
        (Answer(403), AccessDenied, "status 403"),
        (Answer(404), ServerSetting, "status 404 for a write"),
        (Answer(503), NeighbourMissing, "status 503"),
        (Answer(302, foreign="status 302"), NeighbourMissing, "an answer that is not Vespa's (status 302)"),
        (
            Answer(200),
            NeighbourMissing,
            "an answer that is not Vespa's (status 200 for a write that can only be refused)",
        ),
        (Answer(429), NeighbourMissing, "status 429"),
        (Answer(NO_ANSWER, message="ConnectionRefusedError"), NeighbourMissing, "ConnectionRefusedError"),
    ],
)
def test_an_answer_that_says_nothing_of_fields_is_an_error(
    answer: Answer, kind: type[RowferryError], found: str
) -> None:
    with pytest.raises(kind) as raised:
        takes_fields(answer, "http://index")
    assert (raised.value.neighbour, raised.value.found) == (Neighbour.VESPA, found)
    assert raised.value.remedy


def test_a_probe_is_never_written() -> None:
    put = field_probe(TYPES, "rows", {"version": 1}, Limits())
    assert (str(put.document), put.body) == ("id:ns:rows::_rowferry/probe", b'{"fields":{"version":1}}')
    assert "condition=rows.version+%3C+-9223372036854775808&" in put.target
