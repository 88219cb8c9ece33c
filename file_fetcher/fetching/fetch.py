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
from file_fetcher.metrics import Telemetry
from file_fetcher.settings import RetrySettings
from file_fetcher.work import Fetch, Got, Outcome

_log = structlog.get_logger(__name__)
# Reasons that say something of the place, not of the file.
_OF_THE_PLACE = frozenset({"network", "throttled"})
# While it cannot be used, nothing is downloaded that would only be thrown away.
_STORE = "store_url"


class Places:
    """The breakers of all places; thread-safe."""

    def __init__(self, settings: RetrySettings, telemetry: Telemetry) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()

    def left_alone_s(self, place: str) -> tuple[float, str] | None:
        """How long a place is left alone still, and why; None when it may be asked now."""
        with self._lock:
            breaker = self._breakers.get(place)
            now = time.monotonic()
            if breaker is None or breaker.allows(now):
                return None
            return breaker.wait_s(now), breaker.reason

    def answered(self, place: str) -> None:
        """A place has given what it has."""
        with self._lock:
            breaker = self._breakers.get(place)
            closed = breaker is not None and breaker.succeeded()
        if closed:
            self._telemetry.circuit(place, is_open=False)
            _log.info("place is asked again", place=place)

    def gave_up(self, place: str) -> None:
        """A try ended without an answer, through our own doing."""
        with self._lock:
            if place in self._breakers:
                self._breakers[place].gave_up()

    def failed(self, place: str, problem: FetchProblem, *, wholly: bool) -> None:
        """A place gave nothing."""
        with self._lock:
            breaker = self._breakers.get(place)
            if breaker is None:
                settings = self._settings
                breaker = self._breakers[place] = Breaker(settings.breaker_failures, settings.breaker_delay_s)
            opened = breaker.failed(time.monotonic(), problem.reason, wholly=wholly)
        if opened:
            self._telemetry.circuit(place, is_open=True)
            _log.warning("place is left alone", place=place, reason=str(problem), remedy=problem.remedy)

    def open_places(self) -> dict[str, str]:
        """The places that are left alone now, and why."""
        with self._lock:
            return {place: breaker.reason for place, breaker in self._breakers.items() if breaker.is_open}


class Fetching:
    """Fetches single references; thread-safe, blocks."""

    def __init__(
        self,
        downloader: Downloader,
        contents: Contents,
        rules: Rules,
        *,
        places: Places,
        folder: Path,
        delays_s: Sequence[float],
        telemetry: Telemetry,
    ) -> None:
        self._downloader = downloader
        self._contents = contents
        self._rules = rules
        self._places = places
        self._folder = folder
        self._delays_s = tuple(delays_s)
        self._telemetry = telemetry

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
        place = ""
        try:
            source = resolve(fetch.reference, table, self._rules, time.time())
            place = source.place
            alone = self._alone_s(place)
            if alone is not None:
                told(Cancelled())  # nothing was downloaded
                return left_alone(Try(fetch.attempt, place, _now_ms()), alone[1], alone[0], random.random)
            return self._get(source, fetch, cancelled, told)
        except Cancelled as problem:
            told(problem)
            self._places.gave_up(place)
            return None
        except FetchProblem as problem:
            told(problem)
            try_ = Try(fetch.attempt, place, _now_ms())
            return after(problem, try_, self._delays_s, random.random)

    def _alone_s(self, place: str) -> tuple[float, str] | None:
        """How long nothing is fetched from a place, and why: it is left alone itself, or the store is."""
        alone = self._places.left_alone_s(place)
        if alone is None and (alone := self._places.left_alone_s(_STORE)) is not None:
            self._places.gave_up(place)
        return alone

    def _get(self, source: Source, fetch: Fetch, cancelled: Callable[[], bool], told: _Once) -> Outcome:
        path = self._folder / uuid4().hex
        try:
            got = self._download(source, path, cancelled)
            told(None)
            taken = self._take(path, got, fetch.reference.file_name)
            return Got(taken.content, taken.extraction, taken.rows, taken.open_rows, source.place)
        finally:
            # Where the store was not come to, the next one finds out.
            self._places.gave_up(_STORE)
            with suppress(FileNotFoundError):
                path.unlink()

    def _take(self, path: Path, got: Downloaded, file_name: str) -> Taken:
        try:
            taken = self._contents.take(path, got, file_name)
        except Blocked as problem:  # a full disk, a bucket that refuses
            self._places.failed(_STORE, problem, wholly=True)
            raise
        self._places.answered(_STORE)
        return taken

    def _download(self, source: Source, path: Path, cancelled: Callable[[], bool]) -> Downloaded:
        began = time.monotonic()
        try:
            got = self._downloader.download(source, path, cancelled=cancelled)
        except Cancelled:
            raise
        except FetchProblem as problem:
            if isinstance(problem, Throttled):
                self._telemetry.throttled(source.place)
            if isinstance(problem, Blocked) or (isinstance(problem, Later) and problem.reason in _OF_THE_PLACE):
                self._places.failed(source.place, problem, wholly=isinstance(problem, Blocked))
            else:
                self._places.answered(source.place)
            raise
        self._places.answered(source.place)
        self._telemetry.downloaded(source.place, got.size_bytes, time.monotonic() - began)
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
