"""
Edge: objects of S3 through boto3's streaming `get_object`: any key, any provider, checksums, exact error codes.

Leaves to others: resuming and counting (`transfer`), what a code means (`answers`), credentials (`s3_access`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import urllib3
from botocore import exceptions as boto

from file_fetcher.download.answers import CORRECT_BUCKET, Interrupted, s3_problem, unreachable
from file_fetcher.download.engines import CHUNK_BYTES, Body, ResumePoint
from file_fetcher.download.s3_access import NoCredentials, S3Access
from file_fetcher.failures import Blocked, FetchProblem, Later

ENGINE = "boto3"
# Full-object checksums that we can compute over a file that came in pieces; composite ones contain a `-`.
_CHECKSUMS = {"crc32": "ChecksumCRC32", "sha1": "ChecksumSHA1", "sha256": "ChecksumSHA256"}
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
    boto.NoAuthTokenError,
)
_UNREACHABLE = (
    boto.EndpointConnectionError,
    boto.ConnectTimeoutError,
    boto.ProxyConnectionError,
    boto.SSLError,
)


class BotoEngine:
    """May be used by several threads."""

    def __init__(self, access: S3Access) -> None:
        self._access = access

    @contextlib.contextmanager
    def open(self, bucket: str, key: str, version_id: str | None, held: ResumePoint) -> Iterator[Body]:
        """See `engines.S3Bodies`."""
        origin = f"s3:{bucket}"
        asked: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if version_id:
            asked["VersionId"] = version_id
        if held.offset:
            asked |= {"Range": f"bytes={held.offset}-", "IfMatch": held.etag}
        if self._access.location(bucket).requester_pays:
            asked["RequestPayer"] = "requester"
        # A role that may not be taken is no answer about the object.
        self._access.credentials()
        with _translated(origin):
            answer = self._access.client(bucket).get_object(**asked)
        stream = answer["Body"]
        try:
            yield _body(answer, _chunks(stream, origin), held)
        finally:
            # A connection with bytes left in it must not go back to the pool.
            stream.close()


def _chunks(stream: Any, origin: str) -> Iterator[bytes]:  # noqa: ANN401
    while True:
        with _translated(origin):
            chunk = stream.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _body(answer: dict[str, Any], chunks: Iterator[bytes], held: ResumePoint) -> Body:
    in_part = answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    length = answer.get("ContentLength")
    start = held.offset if in_part else 0
    sums = {algorithm: answer.get(name, "") for algorithm, name in _CHECKSUMS.items()}
    return Body(
        chunks=chunks,
        start=start,
        size_bytes=None if length is None else start + length,
        etag=answer.get("ETag"),
        version_id=answer.get("VersionId"),
        declared_type=answer.get("ContentType"),
        engine=ENGINE,
        checksums={algorithm: value for algorithm, value in sums.items() if value and "-" not in value},
    )


@contextlib.contextmanager
def _translated(origin: str) -> Iterator[None]:
    try:
        yield
    except (boto.BotoCoreError, boto.ClientError, urllib3.exceptions.HTTPError, OSError) as exc:
        raise boto_problem(exc, origin) from exc


def boto_problem(exc: Exception, origin: str) -> FetchProblem:
    """The problem that an exception of boto3 is; never with its text, which may hold the key."""
    name = type(exc).__name__
    if isinstance(exc, boto.ClientError):
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(exc.response.get("Error", {}).get("Code", ""))
        # A HEAD has no body: boto3 gives the status as the code.
        return s3_problem(int(status), "" if code.isdecimal() else code, origin)
    if isinstance(exc, _CREDENTIALS):
        return NoCredentials(name)
    if isinstance(exc, _UNREACHABLE):
        return unreachable(origin, name, named=True)
    if isinstance(exc, boto.FlexibleChecksumError):
        return Later("checksum_mismatch", f"expected the checksum that {origin!r} announced, got another")
    if isinstance(exc, boto.ParamValidationError):
        return Blocked("no_such_bucket", f"expected the name of a bucket, got {origin!r}", remedy=CORRECT_BUCKET)
    return Interrupted(f"expected an object from {origin!r}, got {name}")
