"""
Edge: an object of S3 through the engine that fits it.

obstore where it can address the key and the settings want it, boto3 otherwise, and wherever obstore does not say
clearly what went wrong. A bucket that only boto3 can reach (a certificate of one's own, for example) is left to it
for a while.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from file_fetcher.download.answers import WrongRegion
from file_fetcher.download.boto_engine import BotoEngine
from file_fetcher.download.engines import Body, ResumePoint, S3Bodies
from file_fetcher.download.obstore_engine import ObstoreEngine, Unclear, fits
from file_fetcher.download.s3_access import S3Access
from file_fetcher.download.sources import S3Object
from file_fetcher.failures import Blocked, Failed, Later

_log = structlog.get_logger(__name__)
_LONGEST_KEY_BYTES = 1024
# So many objects in a row that only boto3 got, and for so long obstore is not asked; both are guesses.
_MISSES, _LEFT_ALONE_S = 5, 600


class S3Engine:
    """May be used by several threads. `fast` is None when everything goes through boto3."""

    def __init__(self, access: S3Access, fast: ObstoreEngine | None) -> None:
        self._access = access
        self._fast = fast
        self._exact = BotoEngine(access)
        self._misses: dict[str, int] = {}
        self._left_until_s: dict[str, float] = {}

    @contextlib.contextmanager
    def open(self, source: S3Object, held: ResumePoint) -> Iterator[Body]:
        """Ask for an object from `held.offset` on; raises problems of `file_fetcher.failures`."""
        _check(source)
        with contextlib.ExitStack() as stack:
            yield self._opened(source, held, stack)

    def _opened(self, source: S3Object, held: ResumePoint, stack: contextlib.ExitStack) -> Body:
        generation = self._access.generation
        try:
            return self._enter(source, held, stack)
        except WrongRegion:
            before = self._access.location(source.bucket).region
            if self._access.learn_region(source.bucket) == before:
                raise
            return self._enter(source, held, stack)
        except Blocked as problem:
            if problem.reason == "access_denied":
                self._refuse_one_key(source, problem)
                self._access.forget(generation)
            raise

    def _enter(self, source: S3Object, held: ResumePoint, stack: contextlib.ExitStack) -> Body:
        fast = self._fast if self._suits(source) else None
        if fast is None:
            return self._ask(self._exact, source, held, stack)
        try:
            body = self._ask(fast, source, held, stack)
        except Unclear:
            body = self._ask(self._exact, source, held, stack)
            self._missed(source.bucket)
        else:
            self._misses.pop(source.bucket, None)
        return body

    def _suits(self, source: S3Object) -> bool:
        return fits(source.key) and time.monotonic() >= self._left_until_s.get(source.bucket, 0)

    def _missed(self, bucket: str) -> None:
        self._misses[bucket] = self._misses.get(bucket, 0) + 1
        if self._misses[bucket] >= _MISSES:
            self._misses.pop(bucket, None)
            self._left_until_s[bucket] = time.monotonic() + _LEFT_ALONE_S
            reason = f"obstore gave {_MISSES} answers in a row that say too little"
            _log.warning("bucket is left to boto3", bucket=bucket, seconds=_LEFT_ALONE_S, reason=reason)

    def _ask(self, engine: S3Bodies, source: S3Object, held: ResumePoint, stack: contextlib.ExitStack) -> Body:
        return stack.enter_context(engine.open(source.bucket, source.key, source.version_id, held))

    def _refuse_one_key(self, source: S3Object, problem: Blocked) -> None:
        """Find out whether the credentials are refused for this key alone: then the bucket is not to blame."""
        client: Any = self._access.client(source.bucket)
        try:
            client.head_bucket(Bucket=source.bucket)
        except (ClientError, BotoCoreError):
            return
        raise Later("access_denied", str(problem)) from problem


def _check(source: S3Object) -> None:
    try:
        size_bytes = len(source.key.encode("utf-8"))
        f"{source.bucket}{source.version_id}".encode()
    except UnicodeEncodeError as exc:
        raise Failed("not_found", "expected a key of UTF-8, got one that no object can have") from exc
    if size_bytes > _LONGEST_KEY_BYTES:
        raise Failed("key_too_long", f"expected a key of at most {_LONGEST_KEY_BYTES} bytes, got {size_bytes}")
