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
    public_reason,
    stop_error,
    verdict,
)
from vespa_sink.vespa.operations import Action

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
    answer = answer_of(200, {"X-Vespa-Ignored-Operation": "true"})
    assert verdict(answer) is Verdict.IGNORED
    assert verdict(answer_of(200, {})) is Verdict.APPLIED


def test_ignored_fields_are_noticed_on_an_applied_operation() -> None:
    answer = answer_of(200, {"X-Vespa-Ignored-Fields": "true"})
    assert (verdict(answer), answer.ignored_fields) == (Verdict.APPLIED, True)


@pytest.mark.rule("V3")
def test_v3_only_an_ignored_delete_is_followed_by_a_remove() -> None:
    followed = {(action, decided) for action in Action for decided in Verdict if must_be_removed(action, decided)}
    assert followed == {(Action.DELETE, Verdict.IGNORED)}


@pytest.mark.rule("V4")
def test_v4_only_answers_without_a_certain_outcome_may_apply_later() -> None:
    assert {status for status in VERDICTS if may_apply_later(Answer(status))} == {NO_ANSWER, 408, 500, 502, 503, 504}


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
    assert f"got {'status ' if status != 418 else ''}{status}" in str(error)


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
    assert public_reason(answer) == reason
