"""
Edge: gets the bytes of a source into a file, through the engine that it needs.

Leaves to others: which sources are fetched (`sources`), how many at once, what becomes of problems and of the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from file_fetcher.download.answers import Expired
from file_fetcher.download.engines import Body, Open
from file_fetcher.download.google_engine import GoogleEngine
from file_fetcher.download.guarded_connections import Guard, Resolve, system_resolve
from file_fetcher.download.https_engine import HttpsEngine
from file_fetcher.download.obstore_engine import ObstoreEngine
from file_fetcher.download.probe import Probe, probe_bucket
from file_fetcher.download.s3_access import S3Access
from file_fetcher.download.s3_engine import S3Engine
from file_fetcher.download.sources import GoogleSheet, HttpUrl, S3Object, Source, rules_of
from file_fetcher.download.transfer import Terms, Transferred, transfer
from file_fetcher.failures import Later, Skipped, arising_at
from file_fetcher.settings import FetcherSettings
from schemas.errors import Neighbour


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What lies in the target file; `throttled` counts answers on the way that asked for fewer requests."""

    size_bytes: int
    sha256: str
    etag: str | None
    version_id: str | None
    declared_type: str | None
    engine: str
    throttled: int = 0


class Downloader:
    """
    May be used by as many threads as `download.max_connections`; makes no request before it is asked to.

    Raises `SettingsError` for settings that contradict each other.
    """

    def __init__(self, settings: FetcherSettings, *, resolve: Resolve = system_resolve) -> None:
        limits = settings.download
        self._timeout_s = limits.timeout_s
        self._max_bytes = settings.limits.max_bytes
        timeouts = {"connect_timeout_s": limits.connect_timeout_s, "read_timeout_s": limits.read_timeout_s}
        self._access = S3Access(settings.s3, **timeouts, connections=limits.max_connections)
        fast = settings.s3.engine == "obstore"
        obstore = ObstoreEngine(self._access, **timeouts, timeout_s=limits.timeout_s) if fast else None
        self._s3 = S3Engine(self._access, obstore)
        self._https = HttpsEngine(
            rules_of(settings.s3, settings.urls, settings.google).hosts,
            Guard(connect_timeout_s=limits.connect_timeout_s, resolve=resolve),
            connect_timeout_s=limits.connect_timeout_s,
            read_timeout_s=limits.read_timeout_s,
            connections=limits.max_connections,
        )
        self._google = _google(settings)

    def download(self, source: Source, target: Path, *, cancelled: Callable[[], bool]) -> Downloaded:
        """
        Fetch a source into the file `target`; on any error there is no such file.

        Blocks, `download.timeout_s` at most. Raises problems of `file_fetcher.failures` alone.
        """
        terms = Terms(self._max_bytes, time.monotonic() + self._timeout_s, cancelled)
        if isinstance(source, HttpUrl):
            return self._link(source, target, terms)
        if isinstance(source, S3Object):
            return self._object(source, target, terms)
        return _downloaded(transfer(self._sheet(source), target, terms))

    def probe(self, bucket: str) -> Probe:
        """What can be seen of a bucket from here."""
        return probe_bucket(self._access, bucket)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._https.close()
        self._access.close()
        if self._google is not None:
            self._google.close()

    def _object(self, source: S3Object, target: Path, terms: Terms) -> Downloaded:
        try:
            return _downloaded(transfer(lambda held: _body(Neighbour.S3, self._s3.open(source, held)), target, terms))
        except Skipped as problem:
            if problem.reason == "empty" and source.key.endswith("/"):
                raise Skipped("not_a_file", "the object stands for a folder") from problem
            raise

    def _link(self, source: HttpUrl, target: Path, terms: Terms) -> Downloaded:
        try:
            return _downloaded(
                transfer(lambda held: _body(Neighbour.WEB, self._https.open(source.url, held)), target, terms)
            )
        except (Expired, Later) as problem:
            # A store may forbid without saying that it is the signature that has expired.
            if source.fallback is None or problem.reason not in ("url_expired", "access_denied"):
                raise
        return self._object(source.fallback, target, terms)

    def _sheet(self, sheet: GoogleSheet) -> Open:
        engine = self._google
        if engine is None:
            raise Skipped("no_credentials", "expected google.credentials_file for a link to Google Sheets, got none")
        return lambda held: _body(Neighbour.GOOGLE, engine.open(sheet, held))


def _google(settings: FetcherSettings) -> GoogleEngine | None:
    if settings.google.credentials_file is None:
        return None
    return GoogleEngine(
        settings.google.credentials_file,
        settings.google.export_url,
        connect_timeout_s=settings.download.connect_timeout_s,
        read_timeout_s=settings.download.read_timeout_s,
        connections=settings.download.max_connections,
    )


@contextmanager
def _body(neighbour: Neighbour, opened: AbstractContextManager[Body]) -> Iterator[Body]:
    with arising_at(neighbour), opened as body:
        yield body


def _downloaded(got: Transferred) -> Downloaded:
    body = got.body
    return Downloaded(
        got.size_bytes, got.sha256, body.etag, body.version_id, body.declared_type, body.engine, got.throttled
    )
