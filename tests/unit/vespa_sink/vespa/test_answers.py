from __future__ import annotations

import pytest

from schemas.errors import AccessDenied, FatalError, ServerSetting
from vespa_sink.vespa.answers import (
    NO_ANSWER,
    Answer,
    Verdict,
    answer_of,
    may_apply_later,
    must_be_removed,
    probed,
    refusal,
    retry_reason,
    stop_error,
    verdict,
)
from vespa_sink.vespa.operations import Action

DONE = b'{"pathId":"/document/v1/ns/rows/docid/7","id":"id:ns:rows::7"}'
REFUSED = b'{"pathId":"/document/v1/ns/rows/docid/7","message":"why"}'
PAGE = b"<html>please log in</html>"

VERDICTS = {
    200: Verdict.APPLIED,
    201: Verdict.APPLIED,
    400: Verdict.REJECTED,
    401: Verdict.STOP,
    403: Verdict.STOP,
    404: Verdict.STOP,
    405: Verdict.STOP,
    408: Verdict.RETRY,
    412: Verdict.SUPERSEDED,
    413: Verdict.REJECTED,
    414: Verdict.REJECTED,
    418: Verdict.STOP,
    429: Verdict.THROTTLED,
    431: Verdict.REJECTED,
    301: Verdict.STOP,
    500: Verdict.RETRY,
    502: Verdict.RETRY,
    503: Verdict.RETRY,
    504: Verdict.RETRY,
    507: Verdict.RETRY,
    NO_ANSWER: Verdict.RETRY,
}


@pytest.mark.parametrize(("status", "decided"), VERDICTS.items())
def test_status_decides(status: int, decided: Verdict) -> None:
    assert verdict(Answer(status)) is decided


def test_ignored_operation_is_told_from_an_applied_one_by_its_header() -> None:
    answer = answer_of(200, {"X-Vespa-Ignored-Operation": "true"}, DONE)
    assert verdict(answer) is Verdict.IGNORED
    assert verdict(answer_of(200, {}, DONE)) is Verdict.APPLIED


def test_ignored_fields_are_noticed_on_an_applied_operation() -> None:
    answer = answer_of(200, {"X-Vespa-Ignored-Fields": "true"}, DONE)
    assert (verdict(answer), answer.ignored_fields) == (Verdict.APPLIED, True)


@pytest.mark.rule("V3")
def test_v3_only_an_ignored_delete_is_followed_by_a_remove() -> None:
    followed = {(action, decided) for action in Action for decided in Verdict if must_be_removed(action, decided)}
    assert followed == {(Action.DELETE, Verdict.IGNORED)}


@pytest.mark.rule("V4")
def test_v4_only_answers_without_a_certain_outcome_may_apply_later() -> None:
    assert {status for status in VERDICTS if may_apply_later(Answer(status))} == {NO_ANSWER, 408, 500, 502, 503, 504}


# What may come where Vespa should answer. A cut body never arrives whole: its connection fails, or its JSON does.
FOREIGN = {
    "a redirect": (302, b""),
    "a redirect with the words of Vespa": (302, DONE),
    "a page": (200, PAGE),
    "nothing": (200, b""),
    "other JSON": (200, b'{"status":"ok"}'),
    "a list": (200, b"[]"),
    "half an answer": (200, DONE[:-1]),
    "a reason in place of a document": (200, REFUSED),
    "names that are no text": (200, b'{"pathId":1,"id":2}'),
    "no content": (204, b""),
    "a proxy's 400": (400, PAGE),
    "a proxy's 404": (404, PAGE),
    "a proxy's 404 in JSON": (404, b'{"message":"no such service"}'),
    "a proxy's 405": (405, b""),
    "a proxy's 412": (412, PAGE),
    "a proxy's 429": (429, b'{"message":"slow down"}'),
    "a proxy's 507": (507, PAGE),
    "a proxy's log-in": (407, PAGE),
}


@pytest.mark.rule("V10")
@pytest.mark.parametrize(("status", "data"), FOREIGN.values(), ids=FOREIGN)
def test_v10_what_is_not_vespas_own_answer_decides_nothing(status: int, data: bytes) -> None:
    answer = answer_of(status, {"Content-Type": "text/html; charset=utf-8"}, data)
    assert verdict(answer) is Verdict.FOREIGN
    assert may_apply_later(answer), "it may have been passed on"
    assert answer.found == f"an answer that is not Vespa's (status {status}, text/html)"


OWN = {
    "done": (200, DONE, Verdict.APPLIED),
    "a newer one stands": (412, REFUSED, Verdict.SUPERSEDED),
    "refused": (400, REFUSED, Verdict.REJECTED),
    "too many": (429, REFUSED, Verdict.THROTTLED),
    "full": (507, REFUSED, Verdict.RETRY),
    "no such path": (404, REFUSED, Verdict.STOP),
    "an error of anybody": (502, PAGE, Verdict.RETRY),
    "no right, says anybody": (403, PAGE, Verdict.STOP),
    "too large for anybody": (413, PAGE, Verdict.REJECTED),
}


@pytest.mark.rule("V10")
@pytest.mark.parametrize(("status", "data", "decided"), OWN.values(), ids=OWN)
def test_v10_vespas_own_answer_is_known_by_its_body(status: int, data: bytes, decided: Verdict) -> None:
    assert verdict(answer_of(status, {}, data)) is decided


@pytest.mark.rule("V10")
def test_v10_who_accepts_a_probe_is_not_vespa() -> None:
    assert verdict(probed(answer_of(200, {}, DONE))) is Verdict.FOREIGN
    ignored = answer_of(200, {"X-Vespa-Ignored-Operation": "true"}, DONE)
    assert [verdict(probed(each)) for each in (ignored, Answer(412), Answer(400))] == [
        Verdict.IGNORED,
        Verdict.SUPERSEDED,
        Verdict.REJECTED,
    ]


REASONS_TO_TRY_AGAIN = {
    "no answer": Answer(NO_ANSWER),
    "throttled": Answer(429),
    "full": Answer(507),
    "server": Answer(503),
    "foreign": Answer(507, foreign="a page"),
}


@pytest.mark.parametrize(("reason", "answer"), REASONS_TO_TRY_AGAIN.items(), ids=REASONS_TO_TRY_AGAIN)
def test_metrics_say_why_a_write_is_sent_again(reason: str, answer: Answer) -> None:
    assert retry_reason(answer) == reason


ERRORS = {
    401: (AccessDenied, 77),
    403: (AccessDenied, 77),
    404: (ServerSetting, 78),
    405: (ServerSetting, 78),
    418: (FatalError, 70),
}


@pytest.mark.parametrize(("status", "expected"), ERRORS.items())
def test_stop_has_an_error_with_its_exit_code(status: int, expected: tuple[type[FatalError], int]) -> None:
    error = stop_error(Answer(status), "http://vespa:8080")
    assert (type(error), error.exit_code) == expected
    assert f"got status {status}" in str(error)
    assert error.remedy


REASONS = {
    "field": (
        Answer(400, message="Field 'extra' is not defined in document type procore_record: value SECRET"),
        "status 400, field extra, document type procore_record",
    ),
    "value": (
        Answer(400, message="Could not parse field 'created_at' of type long: SECRET"),
        "status 400, field created_at",
    ),
    "type": (
        Answer(400, message="Document type procore_other does not exist"),
        "status 400, document type procore_other",
    ),
    "text": (Answer(400, message="illegal code point 0x1 in SECRET"), "status 400, illegal code point"),
    "size": (Answer(413), "status 413"),
}


@pytest.mark.parametrize(("answer", "reason"), REASONS.values(), ids=REASONS)
def test_reason_of_a_rejection_holds_no_values(answer: Answer, reason: str) -> None:
    assert refusal(answer).text == reason
