"""What a comparison and the doctor take for the index (rule V10): Vespa's own answers alone."""

from __future__ import annotations

from typing import Any

import pytest

from rowferry.doctor.vespa_facts import VespaQuestions
from rowferry.http_client import Answer
from rowferry.reconcile.index import Index
from rowferry.settings import VespaSettings
from schemas.errors import NeighbourMissing, ServerSetting, Unreachable

_PATH = '"pathId":"/document/v1/ns/rows/docid/"'
PAGE = Answer(200, b"<html>please log in</html>", {"Content-Type": "text/html"})
FOREIGN = {
    "a redirect": Answer(302, b"", {"Location": "/login"}),
    "a page": PAGE,
    "nothing": Answer(200, b""),
    "other JSON": Answer(200, b'{"documents":[]}'),
    "a proxy's 404": Answer(404, b'{"message":"no such service"}'),
    "an id alone": Answer(404, b'{"id":"request-7"}'),
    "a gateway's error": Answer(503, b"<html>"),
}


class _Client:
    """Gives one answer to everything."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def get(self, target: str) -> Answer:
        return self._answer

    def post_json(self, target: str, body: bytes) -> Answer:
        return self._answer


def _index(answer: Answer) -> Index:
    client: Any = _Client(answer)
    return Index(client, namespace="ns", document_type="rows")


@pytest.mark.rule("V10")
@pytest.mark.parametrize("answer", FOREIGN.values(), ids=FOREIGN)
def test_v10_answer_of_another_is_no_document_and_no_empty_index(answer: Answer) -> None:
    for ask in (lambda: _index(answer).document("rows/1"), lambda: list(_index(answer).documents())):
        with pytest.raises(Unreachable, match="not Vespa's") as raised:
            ask()
        assert "log in" not in str(raised.value)
        assert raised.value.remedy


@pytest.mark.rule("V10")
def test_v10_vespas_own_404_is_a_missing_document() -> None:
    missing = Answer(404, f'{{{_PATH},"id":"id:ns:rows::rows/1"}}'.encode())
    assert _index(missing).document("rows/1") is None
    assert list(_index(Answer(200, f'{{{_PATH},"documents":[]}}'.encode())).documents()) == []


def test_vespa_that_does_not_know_the_type_says_so() -> None:
    unknown = Answer(400, f'{{{_PATH},"message":"Document type rows does not exist"}}'.encode())
    with pytest.raises(ServerSetting, match="status 400: Document type rows does not exist"):
        list(_index(unknown).documents())


def _doctor(documents: Answer, search: Answer) -> VespaQuestions:
    clients: list[Any] = [_Client(documents), _Client(search)]
    return VespaQuestions(VespaSettings(), *clients)


_ACCEPTED = Answer(200, f'{{{_PATH},"id":"id:ns:rows::7"}}'.encode())
_REFUSED = Answer(412, f'{{{_PATH},"message":"condition"}}'.encode())


@pytest.mark.rule("V10")
@pytest.mark.parametrize("answer", [PAGE, FOREIGN["a redirect"], _ACCEPTED], ids=["page", "redirect", "mock"])
def test_v10_doctor_takes_no_other_for_an_index(answer: Answer) -> None:
    with pytest.raises(NeighbourMissing, match="not Vespa's"):
        _doctor(answer, PAGE).facts()


SEARCHES = {
    "a page": PAGE,
    "other JSON": Answer(200, b'{"status":"ok"}'),
    "an error": Answer(200, b'{"root":{"errors":[{"code":3}]}}'),
}


@pytest.mark.rule("V10")
@pytest.mark.parametrize("answer", SEARCHES.values(), ids=SEARCHES)
def test_v10_search_that_is_not_answered_is_no_empty_index(answer: Answer) -> None:
    with pytest.raises(ServerSetting, match="expected search results from Vespa"):
        _doctor(_REFUSED, answer).facts()
    assert _doctor(_REFUSED, Answer(200, b'{"root":{"fields":{"totalCount":0}}}')).facts().greatest_version is None
