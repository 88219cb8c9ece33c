"""A server that fails on purpose, and downloaders for it with either engine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from file_fetcher.download.downloader import Downloaded, Downloader
from file_fetcher.download.sources import S3Object, Source
from file_fetcher.settings import DownloadSettings, FetcherSettings, LimitSettings, S3Settings
from tests.s3_faults import FaultyServer, serving

BUCKET = "site-files"
# More than one chunk, and no two parts of it alike.
DATA = random.Random(7).randbytes(3_000_000)


@dataclass
class Fetching:
    """A downloader and the file that it fills."""

    downloader: Downloader
    target: Path

    def get(self, key: str = "a.pdf", *, cancelled: Callable[[], bool] = lambda: False) -> Downloaded:
        return self.of(S3Object(BUCKET, key), cancelled=cancelled)

    def of(self, source: Source, *, cancelled: Callable[[], bool] = lambda: False) -> Downloaded:
        return self.downloader.download(source, self.target, cancelled=cancelled)


@pytest.fixture(autouse=True)
def _no_credentials_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What this machine knows of Amazon is no part of a test."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with serving() as running:
        yield running


@pytest.fixture(params=["obstore", "boto3"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fetching(tmp_path: Path) -> Iterator[Callable[..., Fetching]]:
    """Make downloaders; all are closed at the end."""
    made: list[Downloader] = []

    def make(settings: FetcherSettings, **options: Any) -> Fetching:
        made.append(Downloader(settings, **options))
        return Fetching(made[-1], tmp_path / "target")

    yield make
    for downloader in made:
        downloader.close()


@pytest.fixture
def store(server: FaultyServer, engine: str, fetching: Callable[..., Fetching]) -> Fetching:
    """A downloader whose bucket lies on the server."""
    return fetching(make_settings(server.url, engine=engine))


# A wait for what never comes lasts so long; short, for the result is the same when more than that is late.
SHORT_S = 1.0


def make_settings(
    url: str,
    *,
    max_bytes: int = 10_000_000,
    connect_timeout_s: float = 60,
    read_timeout_s: float = 60,
    timeout_s: float = 120,
    **s3: Any,
) -> FetcherSettings:
    """Settings for a store at a URL. No time-out ends but where a test asks for it, however slow the machine."""
    options = {"bucket": BUCKET, "endpoint_url": url, "access_key_id": "test", "secret_access_key": "test"}
    return FetcherSettings(
        s3=S3Settings(**(options | {"region": "us-east-1"} | s3)),
        limits=LimitSettings(max_bytes=max_bytes),
        download=DownloadSettings(
            connect_timeout_s=connect_timeout_s, read_timeout_s=read_timeout_s, timeout_s=timeout_s
        ),
    )
