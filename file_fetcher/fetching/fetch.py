"""
Carries a fetch out, from the reference to its outcome: where it is, the download, the store, the parser.

Edge, called from many threads. Leaves to others: which files, when, and what is written about them.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import structlog

from file_fetcher.download.downloader import Downloaded, Downloader
from file_fetcher.download.sources import Rules, Source, resolve
from file_fetcher.failures import Blocked, Cancelled, FetchProblem, Later, Throttled
from file_fetcher.fetching.breakers import Breaker
from file_fetcher.fetching.contents import Contents, Taken
from file_fetcher.fetching.retry_policy import Try, after, left_alone
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.settings import RetrySettings
from file_fetcher.work import Fetch, Got, Outcome

_log = structlog.get_logger(__name__)
# Reasons that say something of the origin, not of the file.
_OF_THE_ORIGIN = frozenset({"network", "throttled"})
# While it cannot be used, nothing is downloaded that would only be thrown away.
_STORE = "store_url"


class Origins:
    """The breakers of all origins; thread-safe."""

    def __init__(self, settings: RetrySettings, metrics: FetcherMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()

    def left_alone_s(self, origin: str) -> tuple[float, str] | None:
        """How long an origin is left alone still, and why; None when it may be asked now."""
        with self._lock:
            breaker = self._breakers.get(origin)
            now = time.monotonic()
            if breaker is None or breaker.allows(now):
                return None
            return breaker.wait_s(now), breaker.reason

    def answered(self, origin: str) -> None:
        """An origin has given what it has."""
        with self._lock:
            breaker = self._breakers.get(origin)
            closed = breaker is not None and breaker.succeeded()
        if closed:
            self._metrics.circuit(origin, is_open=False)
            _log.info("place is asked again", place=origin)

    def gave_up(self, origin: str) -> None:
        """A try ended without an answer, through our own doing."""
        with self._lock:
            if origin in self._breakers:
                self._breakers[origin].gave_up()

    def failed(self, origin: str, problem: FetchProblem, *, wholly: bool) -> None:
        """An origin gave nothing."""
        with self._lock:
            breaker = self._breakers.get(origin)
            if breaker is None:
                settings = self._settings
                breaker = self._breakers[origin] = Breaker(settings.breaker_failures, settings.breaker_delay_s)
            opened = breaker.failed(time.monotonic(), problem.reason, wholly=wholly)
        if opened:
            self._metrics.circuit(origin, is_open=True)
            _log.warning("place is left alone", place=origin, reason=str(problem), remedy=problem.remedy)

    def open_origins(self) -> dict[str, str]:
        """The origins that are left alone now, and why."""
        with self._lock:
            return {origin: breaker.reason for origin, breaker in self._breakers.items() if breaker.is_open}


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
