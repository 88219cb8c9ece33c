"""Links to hosts that do not resolve, or refuse, end as failed after the retries."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, cast

import pytest

from cdc_runtime.metrics import Metrics
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.sources import rules_of
from file_fetcher.fetching.fetch import Fetching
from file_fetcher.fetching.origins import Origins
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.settings import FetcherSettings, RetrySettings, UrlSettings
from file_fetcher.work import Again, Fetch, Not, Outcome
from tests.unit.file_fetcher.rows import reference


def refusing() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("host", [refusing(), "http://no-such-host.invalid:8000"], ids=["refuses", "has no address"])
@pytest.mark.rule("F7")
def test_link_to_a_host_that_is_gone_ends_as_failed(host: str, tmp_path: Path) -> None:
    retry = RetrySettings(delays_s=[0, 0], breaker_delay_s=0.01)
    settings = FetcherSettings(urls=UrlSettings(hosts=[f"{host} private"]), retry=retry)
    metrics = FetcherMetrics(Metrics("file-fetcher", "1"), "group")
    downloader = Downloader(settings)
    fetching = Fetching(
        downloader,
        cast("Any", None),  # nothing is ever kept
        rules_of(settings.s3, settings.urls, settings.google),
        origins=Origins(retry, metrics),
        folder=tmp_path,
        delays_s=retry.delays_s,
        metrics=metrics,
    )

    def fetch(attempt: int) -> Outcome | None:
        link = Fetch(reference(f"{host}/a.pdf", "url"), attempt, 0)
        return fetching.fetch(link, "photos", cancelled=lambda: False, downloaded=lambda _: None)

    try:
        outcomes = [fetch(attempt) for attempt in range(3)]
    finally:
        downloader.close()
    assert [each.attempt for each in outcomes if isinstance(each, Again)] == [1, 2]
    last = outcomes[-1]
    assert isinstance(last, Not)
    assert (last.failed, last.reason, last.origin) == (True, "network", host)
