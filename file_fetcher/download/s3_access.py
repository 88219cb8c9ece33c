"""
Edge: how the settings reach S3: credentials, endpoint, region and a boto3 client for each bucket.

boto3's session is the one source of credentials and endpoints, also for the other engine. Credentials that a store
refuses are forgotten, so that rotated ones are read the next time. All methods may be called from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, InvalidRegionError

from file_fetcher.download.answers import CORRECT_REGION
from file_fetcher.failures import Blocked
from file_fetcher.settings import S3Settings
from schemas.errors import SettingsError

# Where buckets are looked for at first; Amazon answers there for all of them.
_FIRST_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """Where a bucket is; `endpoint` is empty for Amazon's own."""

    endpoint: str
    region: str
    requester_pays: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair as it is now, with the session token of temporary ones."""

    access_key_id: str
    secret_access_key: str
    token: str | None


class S3Access:
    """Makes no request before it is asked for a bucket whose region is not known."""

    def __init__(
        self,
        settings: S3Settings,
        *,
        connect_timeout_s: float = 5,
        read_timeout_s: float = 20,
        connections: int = 10,
    ) -> None:
        if settings.access_key_id and settings.secret_access_key is None:
            raise SettingsError("s3.secret_access_key: expected a secret beside s3.access_key_id, got none")
        self._settings = settings
        self._timeouts = {"connect_timeout": connect_timeout_s, "read_timeout": read_timeout_s}
        self._connections = connections
        self._lock = threading.RLock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._regions: dict[str, str] = {}
        self._locations: dict[str, BucketLocation] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        """Rises when credentials were forgotten: what was made of them is out of date."""
        return self._generation

    def location(self, bucket: str) -> BucketLocation:
        """Where a bucket is; may ask Amazon once for its region. Raises `Blocked`."""
        if (known := self._locations.get(bucket)) is None:
            known = self._locations[bucket] = self._find(bucket)
        return known

    def client(self, bucket: str) -> Any:  # noqa: ANN401  # boto3 has no types
        """A client for a bucket, shared by all threads. Raises `Blocked`."""
        location = self.location(bucket)
        return self._client(location.endpoint, location.region)

    def credentials(self) -> Credentials:
        """The credentials as they are now; temporary ones are renewed. Raises `Blocked`."""
        try:
            found = self._boto().get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        except (BotoCoreError, ClientError) as exc:
            raise NoCredentials(type(exc).__name__) from exc
        if frozen is None:
            raise NoCredentials("none")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def forget(self, generation: int) -> None:
        """Read the credentials again at the next use, unless that was done since `generation`."""
        with self._lock:
            if generation == self._generation:
                self._generation += 1
                self._session = None
                self._clients.clear()
                self._locations.clear()

    def learn_region(self, bucket: str) -> str:
        """Ask the store where a bucket lies and remember it. Raises `Blocked`."""
        self.credentials()
        endpoint = _matching(self._settings.endpoint_of, bucket) or self._settings.endpoint_url
        client = self._client(endpoint.rstrip("/") or self._foreign_endpoint(), _FIRST_REGION)
        try:
            answer = client.head_bucket(Bucket=bucket)
        except ClientError as exc:
            answer = exc.response
        except BotoCoreError as exc:
            raise Blocked("network", f"expected the region of bucket {bucket!r}, got {type(exc).__name__}") from exc
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region: str = headers.get("x-amz-bucket-region") or self._configured_region(bucket) or _FIRST_REGION
        with self._lock:
            self._regions[bucket] = region
            self._locations.pop(bucket, None)
        return region

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _find(self, bucket: str) -> BucketLocation:
        endpoint = _matching(self._settings.endpoint_of, bucket) or self._settings.endpoint_url
        endpoint = endpoint.rstrip("/") or self._foreign_endpoint()
        region = self._regions.get(bucket) or self._configured_region(bucket)
        if not region:
            region = _FIRST_REGION if endpoint else self.learn_region(bucket)
        return BucketLocation(endpoint, region, self._pays(bucket))

    def _configured_region(self, bucket: str) -> str:
        named = _matching(self._settings.region_of, bucket) or self._settings.region
        return named or str(self._boto().region_name or "")

    def _pays(self, bucket: str) -> bool:
        return any(fnmatchcase(bucket, pattern) for pattern in self._settings.requester_pays)

    def _foreign_endpoint(self) -> str:
        """The endpoint that boto3 takes from its own configuration, where that is not Amazon's."""
        url: str = self._client("", _FIRST_REGION).meta.endpoint_url
        host = urlsplit(url).hostname or ""
        return "" if host.endswith((".amazonaws.com", ".amazonaws.com.cn")) else url.rstrip("/")

    def _boto(self) -> Any:  # noqa: ANN401
        with self._lock:
            if self._session is None:
                self._session = self._new_session()
            return self._session

    def _new_session(self) -> Any:  # noqa: ANN401
        try:
            if not self._settings.access_key_id:
                return boto3.Session()
            secret = self._settings.secret("secret_access_key")
            return boto3.Session(aws_access_key_id=self._settings.access_key_id, aws_secret_access_key=secret)
        except (BotoCoreError, SettingsError) as exc:
            raise NoCredentials(type(exc).__name__) from exc

    def _client(self, endpoint: str, region: str) -> Any:  # noqa: ANN401
        with self._lock:
            if (endpoint, region) not in self._clients:
                self._clients[endpoint, region] = self._new_client(endpoint, region)
            return self._clients[endpoint, region]

    def _new_client(self, endpoint: str, region: str) -> Any:  # noqa: ANN401
        config = Config(
            **self._timeouts,
            region_name=region,
            signature_version="s3v4",
            max_pool_connections=self._connections,
            tcp_keepalive=True,
            # Tries are `transfer`'s: it goes on where an answer broke off, and sees every throttle.
            retries={"mode": "standard", "total_max_attempts": 1},
            s3={"addressing_style": "path" if endpoint else "auto"},
        )
        try:
            return asks_once(self._boto().client("s3", endpoint_url=endpoint or None, config=config))
        except InvalidRegionError as exc:
            raise Blocked(
                "network", f"expected s3.region to name a region, got {region!r}", remedy=CORRECT_REGION
            ) from exc
        except (BotoCoreError, ValueError) as exc:
            raise Blocked(
                "network",
                f"expected s3.endpoint_url to be the URL of a store, got {type(exc).__name__}",
                remedy="correct s3.endpoint_url, or s3.endpoint_of for this bucket",
            ) from exc


class NoCredentials(Blocked):
    """There is nothing to sign requests with: no store was asked."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "access_denied",
            f"expected credentials for S3, got {why}",
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role",
        )


def asks_once(client: Any) -> Any:  # noqa: ANN401
    """
    A client that follows no redirect of a question for a bucket.

    botocore asks where the bucket lies then, by the same question: a server that sends it away, and does not say where
    to, is asked until Python's stack ends.
    """
    client.meta.events.register("before-call.s3.HeadBucket", _as_redirected)
    return client


def _as_redirected(context: dict[str, Any], **_: object) -> None:
    context.setdefault("s3_redirect", {})["redirected"] = True


def _matching(named: Mapping[str, str], bucket: str) -> str:
    return next((value for pattern, value in named.items() if fnmatchcase(bucket, pattern)), "")
