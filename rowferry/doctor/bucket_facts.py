"""Edge: what the doctor needs to know of the buckets that the fetcher reads from or keeps contents in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from file_fetcher.download.probe import Probe, probe_bucket
from file_fetcher.download.s3_access import S3Access
from file_fetcher.settings import S3Settings
from rowferry.settings import OperatorSettings

_STORE = "s3://"
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 5, 10


def read_buckets(settings: OperatorSettings) -> list[Probe]:
    """Ask for each bucket that the settings name; raises `SettingsError` where they contradict each other."""
    names = sorted(set(_named(settings)))
    access = S3Access(_s3_now(settings), connect_timeout_s=_CONNECT_TIMEOUT_S, read_timeout_s=_READ_TIMEOUT_S)
    with closing(access):
        return [probe_bucket(access, name) for name in names]


def store_bucket(settings: OperatorSettings) -> str:
    """The bucket that contents are kept in; empty where they are kept in a folder."""
    url = settings.store_url
    return url.removeprefix(_STORE).partition("/")[0] if url.startswith(_STORE) else ""


def _s3_now(settings: OperatorSettings) -> S3Settings:
    """The settings with the secret as it is now: where it came from a file that is gone, that is told here."""
    return S3Settings(**{**settings.s3.model_dump(), "secret_access_key": settings.s3.secret("secret_access_key")})


def _named(settings: OperatorSettings) -> Iterator[str]:
    for name in (settings.s3.bucket, *settings.s3.bucket_of.values(), store_bucket(settings)):
        if name:
            yield name
