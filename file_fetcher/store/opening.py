"""Edge: makes the store that the settings name."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from file_fetcher.download.s3_access import asks_once
from file_fetcher.settings import S3Settings
from file_fetcher.store.bucket import BucketStore
from file_fetcher.store.local import LocalStore
from file_fetcher.store.protocol import ContentStore
from schemas.errors import SettingsError

_CONNECTIONS = 64
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 5, 30


def open_store(url: str, data_directory: Path, s3: S3Settings) -> ContentStore:
    """
    The store at a URL: `s3://bucket/prefix`, `file:///folder`, a folder; empty: `store` in the data directory.

    Nothing is asked over the network. Raises `SettingsError` when the URL is none, the folder cannot be made, or
    boto3 refuses what it is configured with.
    """
    if not url:
        return LocalStore(data_directory / "store")
    scheme, separator, _ = url.partition("://")
    if not separator:
        return LocalStore(Path(url))
    parts = urlsplit(url)
    if scheme == "file" and not parts.netloc:
        return LocalStore(Path(unquote(parts.path)))
    if scheme == "s3" and parts.netloc:
        return _bucket_store(parts.netloc, parts.path, s3, data_directory / "store-tmp")
    raise SettingsError("expected store_url to be 's3://bucket/prefix' or a folder, got another kind of URL")


def _bucket_store(bucket: str, prefix: str, s3: S3Settings, folder: Path) -> BucketStore:
    try:
        return BucketStore(_client(bucket, s3), bucket, prefix, folder)
    except (BotoCoreError, ValueError) as exc:
        raise SettingsError(
            f"expected a client for bucket {bucket!r} of store_url, got {type(exc).__name__}",
            remedy="look at s3.endpoint_url, s3.endpoint_of and the AWS_ variables (a profile that is not there?)",
        ) from exc
    except OSError as exc:
        raise SettingsError(
            f"expected to write into {str(folder)!r}, got {exc.strerror}",
            remedy="give data_directory a folder that this user may write to",
        ) from exc


def _client(bucket: str, s3: S3Settings) -> Any:  # noqa: ANN401  # boto3 has no types
    endpoint = _first_match(s3.endpoint_of, bucket) or s3.endpoint_url
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "max_attempts": 3},
        # Servers that are not Amazon's know few of the newer checksums, and buckets rarely have host names there.
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    session = boto3.session.Session(
        aws_access_key_id=s3.access_key_id or None,
        aws_secret_access_key=s3.secret("secret_access_key") if s3.access_key_id else None,
        region_name=_first_match(s3.region_of, bucket) or s3.region or None,
    )
    return asks_once(session.client("s3", endpoint_url=endpoint or None, config=config))


def _first_match(rules: dict[str, str], bucket: str) -> str:
    return next((value for pattern, value in rules.items() if fnmatchcase(bucket, pattern)), "")
