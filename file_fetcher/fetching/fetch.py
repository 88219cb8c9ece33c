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
from file_fetcher.download.sources import HttpUrl, Rules, Source, resolve
from file_fetcher.failures import Blocked, Cancelled, FetchProblem, Later, Throttled
from file_fetcher.fetching.contents import Contents, Taken
from file_fetcher.fetching.origins import Origins
from file_fetcher.fetching.retry_policy import Try, after, host_missing, left_alone, will_come_back
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.work import Fetch, Got, Outcome
from schemas.errors import Neighbour

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

    def place(self, fetch: Fetch, table: str) -> str:
        """The bucket or host that a file is to come from, and its ending; empty where it cannot be told."""
        try:
            source = resolve(fetch.reference, table, self._rules, time.time())
        except FetchProblem:
            return ""
        return source.origin + Path(fetch.reference.file_name).suffix.lower()[:16]

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
            if (alone := self._origins.left_alone_s(origin)) is not None:
                told(Cancelled())  # nothing was downloaded
                return self._left_alone(source, fetch, *alone)
            if (alone := self._origins.left_alone_s(_STORE)) is not None:
                told(Cancelled())
                self._origins.gave_up(origin)
                return left_alone(Try(fetch.attempt, origin, _now_ms()), alone[1], alone[0], random.random)
            return self._get(source, fetch, cancelled, told)
        except Cancelled as problem:
            told(problem)
            self._origins.gave_up(origin)
            return None
        except FetchProblem as problem:
            told(problem)
            try_ = Try(fetch.attempt, origin, _now_ms())
            if isinstance(problem, Blocked) and _of_a_host(problem) and not self._will_come_back(origin):
                return host_missing(problem.reason, try_, self._delays_s, random.random)
            return after(problem, try_, self._delays_s, random.random)

    def _left_alone(self, source: Source, fetch: Fetch, wait_s: float, reason: str) -> Outcome:
        left = Try(fetch.attempt, source.origin, _now_ms())
        if isinstance(source, HttpUrl) and reason in _OF_THE_ORIGIN and not self._will_come_back(source.origin):
            return host_missing(reason, left, self._delays_s, random.random, wait_s=wait_s)
        return left_alone(left, reason, wait_s, random.random)

    def _will_come_back(self, origin: str) -> bool:
        return will_come_back(self._origins.silent_s(origin), self._delays_s)

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


def _of_a_host(problem: FetchProblem) -> bool:
    """Whether a host that a link names did not answer."""
    return problem.neighbour is Neighbour.WEB and problem.reason in _OF_THE_ORIGIN


def _now_ms() -> int:
    return int(time.time() * 1000)
