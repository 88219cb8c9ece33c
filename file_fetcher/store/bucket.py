"""
Edge: a store in an S3 bucket.

An object is there whole or not at all: S3 sees to that. Each is sent in one request, so its size is at most 5 GiB.
What is read comes to a temporary file first: parsers and readers want a path. What a killed process left of those
goes at the start: their folder is of one process alone.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import Call
from file_fetcher.failures import Blocked, FetchProblem, Throttled, arising_at
from file_fetcher.store.disk import writing
from schemas.errors import Neighbour, RowferryError, SettingsError, Unreachable

_MISSING = ("404", "NoSuchKey", "NotFound")
_SLOWER = ("SlowDown", "503", "ServiceUnavailable", "Throttling", "RequestLimitExceeded")
_REASONS = {"AccessDenied": "access_denied", "403": "access_denied", "NoSuchBucket": "no_such_bucket"}
_FULL = ("InsufficientStorage", "507", "XMinioStorageFull", "QuotaExceeded")
_BODY_BYTES = 1024 * 1024
# One object, of 100 MB perhaps: boto3 bounds each wait for a piece, and three tries of them.
_CALL = Call("an object", Neighbour.STORE, 1800.0, long=True)


class BucketStore:
    """Keeps files in a bucket, below a prefix. `client`: boto3's for S3; `folder`: for temporary files, emptied."""

    def __init__(self, client: Any, bucket: str, prefix: str, folder: Path) -> None:  # noqa: ANN401  # boto3 has no types
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, path: Path, *, lasting: bool = True) -> str:
        """Send a file, to last; of the same name it is the same, so whether one is there is not asked first."""
        size = path.stat().st_size
        with _translated(), path.open("rb") as body:
            self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=body, ContentLength=size)
        path.unlink()
        return self.uri(name)

    @contextlib.contextmanager
    def get(self, name: str) -> Iterator[Path | None]:
        """A copy, which goes with the context."""
        with writing():
            folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            yield folder / "content" if self._fetch(name, folder / "content") else None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        with _translated():
            try:
                self._client.head_object(Bucket=self._bucket, Key=self._key(name))
            except ClientError as exc:
                if _code(exc) in _MISSING:
                    return False
                raise
        return True

    def uri(self, name: str) -> str:
        """An `s3:` URI."""
        return f"s3://{self._bucket}/{self._key(name)}"

    def check(self) -> None:
        """
        Try to write an object, and to ask for one that is missing.

        It is removed where that is allowed: nothing else here needs that right.
        """
        key, missing = self._key("check"), self._key(f"check-{secrets.token_hex(8)}")
        try:
            with CALLS.held(_CALL):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=b"rowferry")
                with contextlib.suppress(ClientError):
                    self._client.delete_object(Bucket=self._bucket, Key=key)
                self._client.head_object(Bucket=self._bucket, Key=missing)
        except ClientError as exc:
            if _code(exc) not in _MISSING:
                raise self._unusable(exc) from exc
        except BotoCoreError as exc:
            raise self._unusable(exc) from exc

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _fetch(self, name: str, target: Path) -> bool:
        with _translated():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"]
            except ClientError as exc:
                if _code(exc) in _MISSING:
                    return False
                raise
            with contextlib.closing(body), writing(), target.open("wb") as file:
                for piece in body.iter_chunks(_BODY_BYTES):
                    file.write(piece)
        return True

    def _unusable(self, exc: Exception) -> RowferryError:
        said = _code(exc) if isinstance(exc, ClientError) else type(exc).__name__
        expected = f"to write to bucket {self._bucket!r} of the store and to read from it"
        if isinstance(exc, NoCredentialsError) or (isinstance(exc, ClientError) and _refuses(exc)):
            remedy = (
                "give the credentials s3:PutObject and s3:GetObject in it and s3:ListBucket on it, or set store_url"
            )
            return SettingsError(expected=expected, found=said, neighbour=Neighbour.STORE, remedy=remedy)
        return Unreachable(
            expected=expected,
            found=said,
            neighbour=Neighbour.STORE,
            remedy="check s3.endpoint_url, the server and the network",
        )


def _code(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))


def _refuses(exc: ClientError) -> bool:
    """Whether it would be refused again; else it is the server that has trouble."""
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status < 500 and _code(exc) not in _SLOWER


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    with arising_at(Neighbour.STORE), CALLS.held(_CALL):
        try:
            yield
        except ClientError as exc:
            raise _problem(_code(exc)) from exc
        except BotoCoreError as exc:
            raise Blocked("network", f"the bucket of the store does not answer: {type(exc).__name__}") from exc


def _problem(code: str) -> FetchProblem:
    if code in _SLOWER:
        return Throttled("throttled", "the store asks for fewer requests")
    if code in _FULL:
        return Blocked("storage_full", "no space is left in the bucket of the store")
    return Blocked(_REASONS.get(code, "bad_answer"), f"the bucket of the store refuses: {code}")
