"""The keys that obstore asks for exactly, and what its words mean."""

from __future__ import annotations

import pytest

from file_fetcher.download.answers import Changed, WrongRegion
from file_fetcher.download.obstore_engine import Unclear, fits, opening_problem
from file_fetcher.failures import Blocked, Later, Throttled


@pytest.mark.parametrize("key", ["a", "a/b.pdf", "a b+c&d=%25#?e\u0301.pdf", "...", "a/..b", ".hidden", "é/ü", "a:b"])
def test_key_fits(key):
    assert fits(key)


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", "//", ".", "..", "./a", "a/./b", "a/..", "x/../y", "a\tb", "a\nb", "a\x7f", "a\u00a0b"],
)
def test_key_does_not_fit(key):
    assert not fits(key)


def said(inner: str, *, path: str = "k") -> str:
    return (
        f'Error at location {path}\n\nDebug source:\nX {{\n path: "{path}",\n source: RetryErrorImpl {{\n {inner} }} }}'
    )


def status(number: int, code: str = "") -> str:
    return f'inner: Status {{\n status: {number},\n body: Some("<Error><Code>{code}</Code><Key>k</Key></Error>") }}'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (said(status(404, "NoSuchKey")), Later),
        (said(status(404, "NoSuchBucket")), Blocked),
        (said(status(503, "SlowDown")), Throttled),
        (said("inner: Status {\n status: 503,\n body: None }"), Throttled),
        (said("inner: Status {\n status: 412,\n body: None }"), Changed),
        (said("inner: BareRedirect"), WrongRegion),
        (said("inner: Status {\n status: 403,\n body: None }"), Unclear),
        (said("inner: Http(HttpError { kind: Connect })"), Unclear),
        ("", Unclear),
    ],
)
def test_words_are_understood_or_unclear(text, kind):
    assert type(opening_problem(text, "s3:b")) is kind


def test_a_key_cannot_speak_for_the_store():
    path = "inner: Status {\n status: 404,\n <Code>NoSuchBucket</Code>"
    assert type(opening_problem(said(status(404, "NoSuchKey"), path=path), "s3:b")) is Later
    assert type(opening_problem(said("inner: Http(x)", path="<Code>NoSuchBucket</Code>"), "s3:b")) is Unclear
