"""The fetcher's own threads, downloader, store and parsers, joined as the service joins them; without Kafka."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from cdc_runtime.metrics import Metrics
from cdc_runtime.settings.models import load
from cdc_runtime.throttle import Throttle
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.sources import rules_of
from file_fetcher.fetching.contents import Contents
from file_fetcher.fetching.fetch import Fetching
from file_fetcher.fetching.origins import Origins
from file_fetcher.fetching.threads import Downloads, Over
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.settings import FetcherSettings
from file_fetcher.store.opening import open_store
from file_fetcher.work import Fetch, Got
from schemas.file_references import FileKind, FileReference

_READERS_PER_PARSER = 4  # as the service has it


@contextmanager
def workshop(environment: Mapping[str, str], *, parse: bool) -> Iterator[Callable[[Sequence[str]], None]]:
    """Returns what fetches objects by their keys; without `parse` there is no parser for any type."""
    settings = load(FetcherSettings, [], environ=environment)
    metrics = FetcherMetrics(Metrics("bench", "0"), settings.fetcher_group)
    with ExitStack() as closing:
        fetching = _fetching(settings, metrics, closing, parse=parse)
        download = settings.download
        threads = download.max_connections + settings.parsers.workers * _READERS_PER_PARSER
        throttle = Throttle(
            start=download.connections, minimum=1, maximum=download.max_connections, uniform=random.random
        )
        downloads = Downloads(throttle, threads, metrics)
        closing.callback(downloads.close, 1.0)
        yield lambda keys: _fetch_all(fetching, downloads, keys, "ok" if parse else "none")


def _fetching(settings: FetcherSettings, metrics: FetcherMetrics, closing: ExitStack, *, parse: bool) -> Fetching:
    downloader = Downloader(settings)
    closing.callback(downloader.close)
    folder = settings.data_directory
    pool = ParserPool(settings.parsers, settings.limits, folder / "parsing", named=None if parse else {})
    closing.callback(pool.close)
    store = open_store(settings.store_url, folder, settings.s3)
    downloading = folder / "downloads"
    downloading.mkdir()
    return Fetching(
        downloader,
        Contents(store, pool, settings.limits, metrics.count),
        rules_of(settings.s3, settings.urls, settings.google),
        origins=Origins(settings.retry, metrics),
        folder=downloading,
        delays_s=settings.retry.delays_s,
        metrics=metrics,
    )


def _fetch_all(fetching: Fetching, downloads: Downloads, keys: Sequence[str], status: str) -> None:
    ended = threading.Semaphore(0)

    def fetch(key: str, over: Over) -> None:
        reference = FileReference("s3_key", FileKind.S3_KEY, key, key, key, "file", location=key)
        outcome = fetching.fetch(Fetch(reference, 0, 0), "drawings", cancelled=lambda: False, downloaded=over)
        if not isinstance(outcome, Got) or outcome.extraction.status != status:
            raise SystemExit(f"bench: expected {key} to be fetched and read, got {outcome!r}"[:500])
        ended.release()

    for key in keys:
        downloads.submit(partial(fetch, key))
    for _ in keys:
        while not ended.acquire(timeout=1.0):
            if downloads.error is not None:
                raise downloads.error
