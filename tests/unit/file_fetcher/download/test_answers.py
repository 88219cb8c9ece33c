"""What answers of stores and hosts mean."""

from __future__ import annotations

import pytest

from file_fetcher.download.answers import (
    Changed,
    Expired,
    Interrupted,
    WrongRegion,
    http_problem,
    s3_problem,
    unreachable,
)
from file_fetcher.failures import Blocked, Failed, Later, Skipped, Throttled


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (404, "NoSuchKey", Later, "not_found"),
        (404, "", Later, "not_found"),
        (405, "MethodNotAllowed", Later, "not_found"),
        (404, "NoSuchBucket", Blocked, "no_such_bucket"),
        (400, "InvalidBucketName", Blocked, "no_such_bucket"),
        (400, "KeyTooLongError", Failed, "key_too_long"),
        (400, "InvalidRequest", Failed, "bad_answer"),
        (403, "InvalidObjectState", Skipped, "archived"),
        (403, "AccessDenied", Later, "access_denied"),
        (403, "", Later, "access_denied"),
        (400, "KMS.DisabledException", Later, "access_denied"),
        (403, "SignatureDoesNotMatch", Blocked, "access_denied"),
        (403, "InvalidAccessKeyId", Blocked, "access_denied"),
        (403, "RequestTimeTooSkewed", Blocked, "access_denied"),
        (400, "ExpiredToken", Blocked, "access_denied"),
        (503, "SlowDown", Throttled, "throttled"),
        (503, "", Throttled, "throttled"),
        (429, "", Throttled, "throttled"),
        (400, "RequestTimeout", Interrupted, "network"),
        (500, "InternalError", Interrupted, "network"),
        (502, "", Interrupted, "network"),
        (412, "PreconditionFailed", Changed, "changed_while_read"),
        (416, "InvalidRange", Changed, "changed_while_read"),
        (301, "PermanentRedirect", WrongRegion, "network"),
        (400, "AuthorizationHeaderMalformed", WrongRegion, "network"),
    ],
)
def test_answer_of_s3(status, code, kind, reason):
    problem = s3_problem(status, code, "s3:b")
    assert (type(problem), problem.reason) == (kind, reason)


def test_a_wrong_clock_has_its_remedy():
    assert s3_problem(403, "RequestTimeTooSkewed", "s3:b").remedy == "set the clock (NTP)"


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (403, b"<Code>AccessDenied</Code><Message>Request has expired</Message>", Expired, "url_expired"),
        (400, b"<Code>ExpiredToken</Code>", Expired, "url_expired"),
        (403, b"Signature not valid in the specified time frame", Expired, "url_expired"),
        (403, b"<Code>AccessDenied</Code><Message>Access Denied</Message>", Later, "access_denied"),
        (401, b"\xff\xfe", Later, "access_denied"),
        (404, b"", Later, "not_found"),
        (410, b"", Failed, "not_found"),
        (400, b"", Failed, "bad_answer"),
        (304, b"", Failed, "bad_answer"),
        (429, b"", Throttled, "throttled"),
        (503, b"", Throttled, "throttled"),
        (408, b"", Interrupted, "network"),
        (500, b"", Interrupted, "network"),
        (412, b"", Changed, "changed_while_read"),
        (416, b"", Changed, "changed_while_read"),
    ],
)
def test_answer_to_a_signed_link(status, body, kind, reason):
    problem = http_problem(status, body, "https://host", signed=True)
    assert (type(problem), problem.reason) == (kind, reason)


def test_a_link_without_signature_does_not_expire():
    assert type(http_problem(403, b"your session has expired", "https://host", signed=False)) is Later


def test_only_a_place_of_the_settings_is_waited_for():
    assert type(unreachable("https://host", "SSLError", named=True)) is Blocked
    assert type(unreachable("https://host", "SSLError", named=False)) is Later
