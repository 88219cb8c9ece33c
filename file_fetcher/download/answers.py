"""
What the answers of stores and hosts mean for a file.

Engines translate what they get through here, so that each answer means the same whichever engine got it.
Leaves to others: what becomes of the file (`file_fetcher`'s core), and trying again at once (`transfer`).
"""

from __future__ import annotations

from file_fetcher.failures import Blocked, Failed, FetchProblem, Later, Skipped, Throttled

CORRECT_REGION = "correct s3.region, or s3.region_of for this bucket"


CORRECT_BUCKET = "correct the name in s3.bucket or s3.bucket_of"


class Interrupted(Later):
    """The answer broke off or failed in a way that may not happen again: go on from where it stopped."""

    def __init__(self, message: str) -> None:
        super().__init__("network", message)


class Changed(Later):
    """The object is another than the one whose first bytes are here."""

    def __init__(self) -> None:
        super().__init__("changed_while_read", "the object was replaced while it was read")


class WrongRegion(Blocked):
    """The bucket lies in another region than the one asked."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            "network",
            f"expected {origin!r} to lie in the region of the settings, got another",
            remedy=CORRECT_REGION,
        )


class Expired(Skipped):
    """The link's signature is no longer accepted."""

    def __init__(self, origin: str) -> None:
        super().__init__("url_expired", f"the link to {origin!r} has expired")


_CREDENTIALS = {
    "AuthFailure": "the credentials are not accepted",
    "ExpiredToken": "the credentials have expired",
    "ExpiredTokenException": "the credentials have expired",
    "InvalidAccessKeyId": "the access key is unknown",
    "InvalidClientTokenId": "the access key is unknown",
    "InvalidSecurity": "the credentials are not accepted",
    "InvalidToken": "the session token is not accepted",
    "NotSignedUp": "the account has no S3",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "TokenRefreshRequired": "the session token has expired",
}
_THROTTLES = {"BandwidthLimitExceeded", "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"}
_THROTTLES |= {"RequestThrottled", "ServiceUnavailable", "TooManyRequests"}
_OTHER_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_NETWORK = {"IncompleteBody", "InternalError", "OperationAborted", "RequestTimeout"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden"}
# Words in the answers to links that say that the signature's time is over (S3, Google, CloudFront, Azure).
_EXPIRED_WORDS = ("request has expired", "expiredtoken", "expired", "signature not valid in the specified time")
_EXPIRED_STATUS = {400, 401, 403}


def s3_problem(status: int, code: str, origin: str) -> FetchProblem:
    """The problem that S3's answer to a request for an object is; `code` may be empty."""
    if code in _CREDENTIALS:
        return _credentials(code, origin)
    if code in _THROTTLES or status in (429, 503):
        return Throttled("throttled", f"{origin!r} asks for fewer requests: {code or status}")
    if code in _OTHER_REGION or status in (301, 307):
        return WrongRegion(origin)
    if code in _NETWORK or status >= 500:
        return Interrupted(f"expected an object from {origin!r}, got {code or status}")
    if status in (412, 416):
        return Changed()
    return _final(status, code, origin)


def _final(status: int, code: str, origin: str) -> FetchProblem:
    if code in ("NoSuchBucket", "InvalidBucketName"):
        # Buckets come from the settings, never from rows: it is no file's fault.
        return Blocked("no_such_bucket", f"expected {origin!r} to be there, got {code}", remedy=CORRECT_BUCKET)
    if code in ("KeyTooLong", "KeyTooLongError"):
        return Failed("key_too_long", "expected a key of at most 1024 bytes, got a longer one")
    if code == "InvalidObjectState":
        return Skipped("archived", f"the object lies in an archive of {origin!r}")
    if status in (404, 405) or code in ("NoSuchKey", "NoSuchVersion"):
        return Later("not_found", f"expected an object in {origin!r}, got {code or status}")
    if code in _DENIED or code.startswith("KMS.") or status in (401, 403):
        return Later("access_denied", f"expected to be allowed to read from {origin!r}, got {code or status}")
    return Failed("bad_answer", f"expected an object from {origin!r}, got {status} {code}".rstrip())


def _credentials(code: str, origin: str) -> Blocked:
    remedy = "set the clock (NTP)" if code == "RequestTimeTooSkewed" else "set credentials that this store takes"
    return Blocked("access_denied", f"{origin!r} answers {code}: {_CREDENTIALS[code]}", remedy=remedy)


def http_problem(status: int, body: bytes, origin: str, *, signed: bool) -> FetchProblem:
    """The problem that a host's answer to a link is; `body` is its beginning."""
    words = body.decode("utf-8", "replace").lower()
    if signed and status in _EXPIRED_STATUS and any(word in words for word in _EXPIRED_WORDS):
        return Expired(origin)
    if status in (429, 503):
        return Throttled("throttled", f"{origin!r} asks for fewer requests: {status}")
    if status == 410:
        return Failed("not_found", f"expected a file at {origin!r}, got 410: it is gone for good")
    if status == 404:
        return Later("not_found", f"expected a file at {origin!r}, got 404")
    if status in (401, 403):
        return Later("access_denied", f"expected to be allowed to read from {origin!r}, got {status}")
    if status in (412, 416):
        return Changed()
    if status >= 500 or status == 408:
        return Interrupted(f"expected a file from {origin!r}, got {status}")
    return Failed("bad_answer", f"expected a file from {origin!r}, got {status}")


def unreachable(origin: str, why: str, *, named: bool) -> FetchProblem:
    """
    The problem that an origin is which cannot be connected to.

    An origin that the settings name (`named`) is expected to come back; a host that only a row names may never have
    been there, so each of its files is given up after some attempts.
    """
    message = f"expected {origin!r} to answer, got {why}"
    return Blocked("network", message) if named else Later("network", message)
