"""Edge: what can be seen of a bucket from here, as facts; whoever asks decides what they mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from file_fetcher.download.s3_access import NoCredentials, S3Access
from file_fetcher.failures import FetchProblem

OK = "ok"
_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError)
# A key that no one has: the store says NoSuchKey to those who may list and AccessDenied to those who may not.
_NO_KEY = "rowferry-doctor/no-such-object"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    What a bucket answered.

    `head`, `list` and `get` (of a key that is not there) are `ok`, the store's error code, or empty when there was no
    answer; then `trouble` says why, and `has_credentials` is False where no store was asked for want of them.
    """

    bucket: str
    endpoint: str
    region: str  # with which requests are signed
    reachable: bool
    has_credentials: bool = True
    bucket_region: str = ""  # that the store names; empty when it names none
    trouble: str = ""
    head: str = ""
    list: str = ""
    get: str = ""
    clock_skew_s: float | None = None  # our clock less the store's


def probe_bucket(access: S3Access, bucket: str) -> Probe:
    """Ask for a bucket in three ways. Blocks as long as the time-outs of `access` say; raises nothing."""
    try:
        location = access.location(bucket)
        client = access.client(bucket)
    except FetchProblem as exc:
        known = not isinstance(exc, NoCredentials)
        return Probe(bucket, "", "", reachable=False, has_credentials=known, trouble=str(exc))
    endpoint = location.endpoint or "Amazon"
    try:
        head, answer = _ask(lambda: client.head_bucket(Bucket=bucket))
    except BotoCoreError as exc:
        known, why = not isinstance(exc, _NO_CREDENTIALS), type(exc).__name__
        return Probe(bucket, endpoint, location.region, reachable=False, has_credentials=known, trouble=why)
    return Probe(
        bucket=bucket,
        endpoint=endpoint,
        region=location.region,
        reachable=True,
        bucket_region=answer.get("x-amz-bucket-region", ""),
        head=head,
        list=_code(lambda: client.list_objects_v2(Bucket=bucket, MaxKeys=1)),
        get=_code(lambda: client.get_object(Bucket=bucket, Key=_NO_KEY)),
        clock_skew_s=_skew_s(answer),
    )


def _code(call: Callable[[], Any]) -> str:
    """`ok` or a code; without an answer what went wrong."""
    try:
        return _ask(call)[0]
    except BotoCoreError as exc:
        return type(exc).__name__


def _ask(call: Callable[[], Any]) -> tuple[str, Mapping[str, str]]:
    """Return `ok` or a code, and the headers; lets out the errors of boto3 that come without an answer."""
    try:
        answer = call()
        code = OK
    except ClientError as exc:
        answer = exc.response
        code = str(answer.get("Error", {}).get("Code", "")) or "error"
    return code, answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})


def _skew_s(headers: Mapping[str, str]) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
