"""
Carries a fetch out, from the reference to its outcome: where it is, the download, the store, the parser.

Edge, called from many threads. Leaves to others: which files, when, and what is written about them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from file_fetcher.download.downloader import Downloaded, Downloader
from file_fetcher.download.sources import Rules, Source, resolve
from file_fetcher.failures import Blocked, Cancelled, FetchProblem, Later, Throttled
from file_fetcher.fetching.contents import Contents, Taken
from file_fetcher.fetching.origins import Origins
from file_fetcher.fetching.retry_policy import Try, after, left_alone
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.work import Fetch, Got, Outcome

# Reasons that say something of the origin, not of the file.
_OF_THE_ORIGIN = frozenset({"network", "throttled"})
# While it cannot be used, nothing is downloaded that would only be thrown away.
_STORE = "store_url"


class Fetching:
    """Fetches single references; thread-safe, blocks."""

    def __init__(
        self,
        downloader: Downloader,
        contents: Contents,
        rules: Rules,
        *,
        origins: Origins,
        folder: Path,
        delays_s: Sequence[float],
        metrics: FetcherMetrics,
    ) -> None:
        self._downloader = downloader
        self._contents = contents
        self._rules = rules
        self._origins = origins
        self._folder = folder
        self._delays_s = tuple(delays_s)
        self._metrics = metrics

    def fetch(
        self,
        fetch: Fetch,
        table: str,
        *,
        cancelled: Callable[[], bool],
        downloaded: Callable[[FetchProblem | None], None],
    ) -> Outcome | None:
        """
        The outcome of one try; None when it was cancelled.

        `downloaded` is called once, when the download is over, with its problem or None (`Cancelled` where nothing
        was downloaded): reading may take longer.
        """
        told = _Once(downloaded)
        origin = ""
        try:
            source = resolve(fetch.reference, table, self._rules, time.time())
            origin = source.origin
            alone = self._alone_s(origin)
            if alone is not None:
                told(Cancelled())  # nothing was downloaded
                return left_alone(Try(fetch.attempt, origin, _now_ms()), alone[1], alone[0], random.random)
            return self._get(source, fetch, cancelled, told)
        except Cancelled as problem:
            told(problem)
            self._origins.gave_up(origin)
            return None
        except FetchProblem as problem:
            told(problem)
            try_ = Try(fetch.attempt, origin, _now_ms())
            return after(problem, try_, self._delays_s, random.random)

    def _alone_s(self, origin: str) -> tuple[float, str] | None:
        """How long nothing is fetched from an origin, and why: it is left alone itself, or the store is."""
        alone = self._origins.left_alone_s(origin)
        if alone is None and (alone := self._origins.left_alone_s(_STORE)) is not None:
            self._origins.gave_up(origin)
        return alone

    def _get(self, source: Source, fetch: Fetch, cancelled: Callable[[], bool], told: _Once) -> Outcome:
        path = self._folder / uuid4().hex
        try:
            got = self._download(source, path, cancelled)
            told(None)
            taken = self._take(path, got, fetch.reference.file_name)
            return Got(taken.content, taken.extraction, taken.rows, taken.open_rows, source.origin)
        finally:
            # Where the store was not come to, the next one finds out.
            self._origins.gave_up(_STORE)
            with suppress(FileNotFoundError):
                path.unlink()

    def _take(self, path: Path, got: Downloaded, file_name: str) -> Taken:
        try:
            taken = self._contents.take(path, got, file_name)
        except Blocked as problem:  # a full disk, a bucket that refuses
            self._origins.failed(_STORE, problem, wholly=True)
            raise
        self._origins.answered(_STORE)
        return taken

    def _download(self, source: Source, path: Path, cancelled: Callable[[], bool]) -> Downloaded:
        began = time.monotonic()
        try:
            got = self._downloader.download(source, path, cancelled=cancelled)
        except Cancelled:
            raise
        except FetchProblem as problem:
            if isinstance(problem, Throttled):
                self._metrics.throttled(source.origin)
            if isinstance(problem, Blocked) or (isinstance(problem, Later) and problem.reason in _OF_THE_ORIGIN):
                self._origins.failed(source.origin, problem, wholly=isinstance(problem, Blocked))
            else:
                self._origins.answered(source.origin)
            raise
        self._origins.answered(source.origin)
        self._metrics.downloaded(source.origin, got.size_bytes, time.monotonic() - began)
        return got


class _Once:
    """Calls what it is given, the first time only."""

    def __init__(self, call: Callable[[FetchProblem | None], None]) -> None:
        self._call: Callable[[FetchProblem | None], None] | None = call

    def __call__(self, problem: FetchProblem | None) -> None:
        call, self._call = self._call, None
        if call is not None:
            call(problem)


def _now_ms() -> int:
    return int(time.time() * 1000)
