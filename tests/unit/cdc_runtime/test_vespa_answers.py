from __future__ import annotations

from collections.abc import Callable

import pytest

from cdc_runtime.vespa_answers import (
    Body,
    answers_read,
    answers_search,
    answers_visit,
    answers_write,
    described,
    explains,
    json_object,
)

# As a container of Vespa 8 answered.
WRITTEN = b'{"pathId":"/document/v1/ns/rows/docid/7","id":"id:ns:rows::7"}'
READ = b'{"pathId":"/document/v1/ns/rows/docid/7","id":"id:ns:rows::7","fields":{"version":5}}'
CONDITION = b'{"pathId":"/document/v1/ns/rows/docid/7","id":"id:ns:rows::7","message":"ReturnCode(...)"}'
REASON = b'{"pathId":"/document/v1/ns/rows/docid/7","message":"Field \'x\' is not defined in document type \'rows\'"}'
VISITED = b'{"pathId":"/document/v1/ns/rows/docid/","documents":[],"documentCount":0}'
FOUND = b'{"root":{"id":"toplevel","relevance":1.0,"fields":{"totalCount":0}}}'
OTHERS = (b"", b"<html></html>", b"null", b"[1]", b'"text"', b'{"status":"up"}', b'{"root":[]}', b"\xff", WRITTEN[:-1])

OWN = {
    "write": (answers_write, [(200, WRITTEN), (412, CONDITION), (400, REASON), (404, REASON)]),
    "read": (answers_read, [(200, READ), (404, WRITTEN)]),
    "visit": (answers_visit, [(200, VISITED)]),
    "search": (answers_search, [(200, FOUND)]),
}
ALL = (WRITTEN, READ, CONDITION, REASON, VISITED, FOUND)


@pytest.mark.rule("V10")
@pytest.mark.parametrize(("answers", "accepted"), OWN.values(), ids=OWN)
def test_v10_each_kind_of_answer_has_its_own_mark(
    answers: Callable[[int, Body], bool], accepted: list[tuple[int, bytes]]
) -> None:
    for status, data in accepted:
        assert answers(status, json_object(data))
    for status in (200, 204, 302, 404, 412):
        for data in OTHERS:
            assert not answers(status, json_object(data))


@pytest.mark.rule("V10")
@pytest.mark.parametrize("answers", [answers_read, answers_visit, answers_search], ids=["read", "visit", "search"])
def test_v10_reads_are_answered_by_their_own_statuses(answers: Callable[[int, Body], bool]) -> None:
    assert not any(answers(status, json_object(data)) for status in (204, 302, 400, 412, 500, 503) for data in ALL)


@pytest.mark.rule("V10")
def test_v10_page_of_documents_and_a_document_are_not_taken_for_each_other() -> None:
    assert not answers_visit(200, json_object(READ))
    assert not answers_read(200, json_object(VISITED))
    assert not answers_read(404, json_object(REASON))


def test_only_vespa_explains_itself() -> None:
    assert explains(json_object(REASON))
    assert not explains(json_object(b'{"message":"no such service"}'))


DESCRIPTIONS = {
    "a page": ("text/html; charset=utf-8", "status 302, text/html"),
    "none": (None, "status 302, no content type"),
    "empty": ("", "status 302, no content type"),
    "a secret": ("token=SECRET", "status 302, a strange content type"),
    "long": ("a/" + "b" * 200, "status 302, a strange content type"),
}


@pytest.mark.parametrize(("content_type", "told"), DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_answer_is_described_by_status_and_type_alone(content_type: str | None, told: str) -> None:
    assert described(302, content_type) == told
