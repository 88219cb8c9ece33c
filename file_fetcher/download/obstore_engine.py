"""
Edge: objects of S3 through obstore (Rust's `object_store`): the fast engine.

It tells its errors as text. What that text does not say clearly is `Unclear`: the caller asks the other engine.
It cannot address every key (`fits`), and it does not compare checksums.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from file_fetcher.download.answers import Interrupted, WrongRegion, s3_problem
from file_fetcher.download.engines import CHUNK_BYTES, Body, ResumePoint
from file_fetcher.download.s3_access import S3Access
from file_fetcher.failures import FetchProblem

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import ClientConfig, S3Config, S3Credential

ENGINE = "obstore"
# How long a key pair is used before the session is asked again, which renews temporary ones in time.
_CREDENTIALS_TTL = timedelta(minutes=5)
# The error's own status and code; what stands before them may hold the key, whatever it says.
_STATUS = "inner: Status {\n"
_ANSWER = re.compile(r"\s*status: (?P<status>\d{3}),")
_CODE = re.compile(r"<Code>(?P<code>[A-Za-z0-9.]+)</Code>")


class Unclear(Exception):
    """It did not work, and what obstore says does not tell why."""


class ObstoreEngine:
    """May be used by several threads; `timeout_s` is the longest time for one request with its body."""

    def __init__(self, access: S3Access, *, connect_timeout_s: float, read_timeout_s: float, timeout_s: float) -> None:
        self._access = access
        self._timeouts: ClientConfig = {
            "connect_timeout": timedelta(seconds=connect_timeout_s),
            "read_timeout": timedelta(seconds=read_timeout_s),
            "timeout": timedelta(seconds=timeout_s),
        }
        self._lock = threading.Lock()
        self._stores: dict[str, tuple[tuple[object, ...], S3Store]] = {}

    @contextlib.contextmanager
    def open(self, bucket: str, key: str, version_id: str | None, held: ResumePoint) -> Iterator[Body]:
        """See `engines.S3Bodies`; raises `Unclear` as well."""
        options: GetOptions = {"version": version_id} if version_id else {}
        if held.offset:
            options |= {"range": {"offset": held.offset}, "if_match": held.etag}
        store = self._store(bucket)
        try:
            result = obstore.get(store, key, options=options)
        except (BaseError, OSError, ValueError) as exc:
            raise opening_problem(str(exc), f"s3:{bucket}") from exc
        meta = result.meta
        yield Body(
            chunks=_chunks(result, f"s3:{bucket}"),
            start=result.range[0],
            size_bytes=meta["size"],
            etag=meta["e_tag"],
            version_id=meta["version"],
            declared_type=result.attributes.get("Content-Type"),
            engine=ENGINE,
        )

    def _store(self, bucket: str) -> S3Store:
        location = self._access.location(bucket)
        made_of = (location, self._access.generation)
        with self._lock:
            known = self._stores.get(bucket)
            if known is None or known[0] != made_of:
                known = self._stores[bucket] = (made_of, self._new_store(bucket))
            return known[1]

    def _new_store(self, bucket: str) -> S3Store:
        location = self._access.location(bucket)
        self._access.credentials()  # a problem with them is told better here than through obstore
        config: S3Config = {
            "region": location.region,
            "request_payer": location.requester_pays,
            # Bucket names with dots do not fit Amazon's certificates.
            "virtual_hosted_style_request": not location.endpoint and "." not in bucket,
        }
        if location.endpoint:
            config["endpoint"] = location.endpoint
        try:
            return S3Store(
                bucket,
                config=config,
                credential_provider=self._credentials,
                client_options={"allow_http": location.endpoint.startswith("http://"), **self._timeouts},
                retry_config={"max_retries": 0},
            )
        except (BaseError, ValueError) as exc:
            raise Unclear from exc

    def _credentials(self) -> S3Credential:
        found = self._access.credentials()
        return {
            "access_key_id": found.access_key_id,
            "secret_access_key": found.secret_access_key,
            "token": found.token,
            "expires_at": datetime.now(UTC) + _CREDENTIALS_TTL,
        }


def fits(key: str) -> bool:
    """Whether obstore asks for exactly this key: it drops or refuses empty and dotted segments and controls."""
    segments = key.split("/")
    return key.isprintable() and not any(segment in ("", ".", "..") for segment in segments)


def _chunks(result: GetResult, origin: str) -> Iterator[bytes]:
    stream = result.stream(min_chunk_size=CHUNK_BYTES)
    while True:
        try:
            chunk = next(stream, None)
        except (BaseError, OSError, ValueError) as exc:
            raise Interrupted(f"expected an object from {origin!r}, got a part of it") from exc
        if chunk is None:
            return
        yield chunk


def opening_problem(text: str, origin: str) -> FetchProblem | Unclear:
    """The problem that obstore's words describe when an object cannot be opened."""
    _, found, answer = text.rpartition(_STATUS)
    status = _ANSWER.match(answer)
    if found and status:
        code = _CODE.search(answer)
        if code or int(status["status"]) in (412, 503):
            return s3_problem(int(status["status"]), code["code"] if code else "", origin)
    if "inner: BareRedirect" in text.rpartition("Debug source:")[2]:
        return WrongRegion(origin)
    return Unclear()
