from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from cdc_runtime.metrics import Metrics
from file_fetcher.download.downloader import Downloaded
from file_fetcher.download.sources import S3Object, Source, rules_of
from file_fetcher.failures import Blocked, Cancelled, FetchProblem, Later, Skipped, Throttled
from file_fetcher.fetching import fetch as fetched
from file_fetcher.fetching import origins as asked
from file_fetcher.fetching.contents import Taken
from file_fetcher.fetching.fetch import Fetching
from file_fetcher.fetching.origins import Origins
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.settings import GoogleSettings, RetrySettings, S3Settings, UrlSettings
from file_fetcher.work import Again, Fetch, Got, Not, Outcome
from schemas.file_references import FileReference
from schemas.file_results import Content
from tests.unit.file_fetcher.rows import EXTRACTION, reference

DELAYS_S = (5.0, 30.0)
ORIGIN = "s3:photos"
CONTENT = Content(3, "ab" * 32, "application/pdf", "file:///store/ab")


@dataclass
class _Downloader:
    """Gives bytes, or the problem that is next."""

    problems: list[FetchProblem | None] = field(default_factory=list)
    asked: list[Source] = field(default_factory=list)

    def download(self, source: Source, target: Path, *, cancelled: Callable[[], bool]) -> Downloaded:
        self.asked.append(source)
        problem = self.problems.pop(0) if self.problems else None
        if problem is not None:
            raise problem
        if cancelled():
            raise Cancelled
        target.write_bytes(b"abc")
        return Downloaded(3, "ab" * 32, "etag", None, "application/pdf", "obstore")


@dataclass
class _Contents:
    """Takes a file, or raises; `meanwhile` is called before."""

    problem: FetchProblem | None = None
    meanwhile: Callable[[], None] = lambda: None
    seen: list[tuple[bytes, str]] = field(default_factory=list)

    def take(self, path: Path, arrived: Downloaded, file_name: str) -> Taken:
        self.seen.append((path.read_bytes(), file_name))
        self.meanwhile()
        if self.problem is not None:
            raise self.problem
        return Taken(CONTENT, EXTRACTION, (("S", 1, 2),), lambda: iter(()))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class World:
    def __init__(self, folder: Path, hosts: Sequence[str] = ()) -> None:
        self.downloader = _Downloader()
        self.contents = _Contents()
        self.folder = folder
        self.told: list[FetchProblem | None] = []
        self.cancelled = False
        metrics = FetcherMetrics(Metrics("file-fetcher", "1"), "group")
        self.origins = Origins(RetrySettings(breaker_failures=3, breaker_delay_s=5), metrics)
        self.fetching = Fetching(
            self.downloader,  # type: ignore[arg-type]
            self.contents,  # type: ignore[arg-type]
            rules_of(S3Settings(bucket="photos"), UrlSettings(hosts=list(hosts)), GoogleSettings()),
            origins=self.origins,
            folder=folder,
            delays_s=DELAYS_S,
            metrics=metrics,
        )

    def fetch(self, of: FileReference | None = None, attempt: int = 0) -> Outcome | None:
        self.told.clear()
        fetch = Fetch(of or reference("plans/a.pdf"), attempt, 0)
        return self.fetching.fetch(fetch, "photos", cancelled=lambda: self.cancelled, downloaded=self.told.append)

    def fails(self, *problems: FetchProblem) -> list[Outcome | None]:
        self.downloader.problems += problems
        return [self.fetch() for _ in problems]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(fetched, "time", made)
    monkeypatch.setattr(asked, "time", made)
    monkeypatch.setattr(fetched, "random", SimpleNamespace(random=lambda: 0.0))
    return made


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> World:
    return World(tmp_path)


def test_file_is_downloaded_stored_and_read(world: World) -> None:
    outcome = world.fetch()
    assert isinstance(outcome, Got)
    assert (outcome.content, outcome.extraction, outcome.rows, outcome.origin) == (
        CONTENT,
        EXTRACTION,
        (("S", 1, 2),),
        ORIGIN,
    )
    assert world.downloader.asked == [S3Object("photos", "plans/a.pdf")]
    assert world.contents.seen == [(b"abc", "a.pdf")]
    assert world.told == [None]


ENDS: dict[str, tuple[FetchProblem | None, FetchProblem | None]] = {
    "fetched": (None, None),
    "download fails": (Later("network", "reset"), None),
    "type not wanted": (None, Skipped("unsupported_type", "dwg")),
    "store full": (None, Blocked("storage_full", "no room")),
    "parsers closed": (None, Cancelled()),
}


@pytest.mark.parametrize(("download", "take"), ENDS.values(), ids=ENDS)
def test_nothing_is_left_in_the_folder_however_it_ends(
    world: World, download: FetchProblem | None, take: FetchProblem | None
) -> None:
    world.downloader.problems, world.contents.problem = [download], take
    world.fetch()
    assert list(world.folder.iterdir()) == []


def test_end_of_the_download_is_told_before_the_file_is_read(world: World) -> None:
    told_before: list[Any] = []
    take = world.contents.take
    world.contents.take = lambda *args: told_before.append(list(world.told)) or take(*args)  # type: ignore[method-assign,func-returns-value]
    world.fetch()
    assert (told_before, world.told) == ([[None]], [None])


def test_reference_that_leads_nowhere_is_skipped_without_a_download(world: World) -> None:
    outcome = world.fetch(reference("https://evil.example.com/a.pdf", "url"))
    assert isinstance(outcome, Not)
    assert (outcome.failed, outcome.reason, outcome.origin) == (False, "host_not_allowed", "")
    assert world.downloader.asked == []
    assert len(world.told) == 1


def test_what_cannot_be_had_now_is_tried_again_later_and_fails_in_the_end(world: World) -> None:
    problem = Later("not_found", "no such key")
    world.downloader.problems = [problem] * 3
    assert world.fetch() == Again(1, 1_005_000, "not_found", ORIGIN)
    assert world.told == [problem]
    assert world.fetch(attempt=1) == Again(2, 1_030_000, "not_found", ORIGIN)
    assert world.fetch(attempt=2) == Not(True, "not_found", "no such key", ORIGIN)


def test_file_that_the_store_refuses_to_take_is_tried_again(world: World) -> None:
    world.contents.problem = Blocked("storage_full", "no room")
    assert world.fetch(attempt=1) == Again(1, 1_005_000, "storage_full", ORIGIN)
    assert world.origins.open_origins() == {"store_url": "storage_full"}  # and not the file's origin


def test_while_the_store_cannot_be_used_nothing_is_downloaded(world: World, clock: Clock) -> None:
    world.contents.problem = Blocked("storage_full", "no room", remedy="make room")
    with capture_logs() as logs:
        world.fetch()
        outcome = world.fetch(reference("plans/b.pdf"))
        assert isinstance(outcome, Again)
        assert (outcome.attempt, outcome.reason) == (0, "storage_full")
        assert len(world.downloader.asked) == 1
        assert world.origins.open_origins() == {"store_url": "storage_full"}
        clock.now += 5.1
        world.contents.problem = None
        assert isinstance(world.fetch(), Got)
    assert world.origins.open_origins() == {}
    assert [(each["event"], each["log_level"], each["place"], each.get("remedy")) for each in logs] == [
        ("place is left alone", "warning", "store_url", "make room"),
        ("place is asked again", "info", "store_url", None),
    ]


def test_probe_that_does_not_come_to_the_store_lets_the_next_one_find_out(world: World, clock: Clock) -> None:
    world.contents.problem = Blocked("storage_full", "no room")
    world.fetch()
    clock.now += 5.1
    world.fails(Skipped("archived", "it lies in an archive"))
    world.contents.problem = None
    assert isinstance(world.fetch(), Got)


def test_place_may_be_probed_though_the_store_was_in_the_way(world: World, clock: Clock) -> None:
    world.fails(Blocked("bad_credentials", "refused"))
    clock.now += 3
    world.origins.failed("store_url", Blocked("storage_full", "no room"), wholly=True)
    clock.now += 3
    assert isinstance(world.fetch(), Again)
    clock.now += 3
    assert isinstance(world.fetch(), Got)
    assert world.origins.open_origins() == {}


def test_bucket_that_is_not_there_is_said_once(world: World) -> None:
    with capture_logs() as logs:
        world.fails(*[Blocked("no_such_bucket", "no bucket", remedy="mend s3.bucket")] * 2)
    assert [(each["event"], each["place"], each["reason"], each["remedy"]) for each in logs] == [
        ("place is left alone", ORIGIN, "no bucket", "mend s3.bucket")
    ]


def test_place_that_cannot_be_used_is_left_alone_at_once_and_nothing_is_used_up(world: World) -> None:
    world.fails(Blocked("bad_credentials", "refused"))
    assert world.origins.open_origins() == {ORIGIN: "bad_credentials"}
    assert world.fetch(attempt=2) == Again(2, 1_006_000, "bad_credentials", ORIGIN)
    assert len(world.downloader.asked) == 1
    assert [type(each) for each in world.told] == [Cancelled]


def test_place_that_fails_several_times_in_a_row_is_left_alone(world: World) -> None:
    world.fails(Later("network", "reset"), Throttled("throttled", "slow down"))
    assert world.origins.open_origins() == {}
    world.fails(Later("network", "reset"))
    assert world.origins.open_origins() == {ORIGIN: "network"}


OF_THE_FILE = [
    Later("not_found", "x"),
    Later("access_denied", "x"),
    Skipped("empty", "x"),
    Later("changed_while_read", "x"),
]


@pytest.mark.parametrize("problem", OF_THE_FILE, ids=lambda problem: problem.reason)
def test_what_is_wrong_with_a_file_says_nothing_against_its_place(world: World, problem: FetchProblem) -> None:
    network = Later("network", "reset")
    world.fails(network, network, problem, network, network)
    assert world.origins.open_origins() == {}


def test_other_places_are_not_left_alone(world: World) -> None:
    world.origins.failed("s3:other", Blocked("network", "refused"), wholly=True)
    assert isinstance(world.fetch(), Got)


def test_probe_that_succeeds_opens_the_place_again(world: World, clock: Clock) -> None:
    world.fails(Blocked("network", "refused"))
    clock.now += 5
    assert isinstance(world.fetch(), Got)
    assert world.origins.open_origins() == {}


def test_one_try_at_a_time_is_the_probe(world: World, clock: Clock) -> None:
    world.fails(Blocked("network", "refused"))
    clock.now += 5
    assert world.origins.left_alone_s(ORIGIN) is None
    assert isinstance(world.fetch(), Again)
    world.origins.answered(ORIGIN)
    assert isinstance(world.fetch(), Got)


def test_probe_that_was_cancelled_leaves_room_for_the_next(world: World, clock: Clock) -> None:
    world.fails(Blocked("network", "refused"))
    clock.now += 5
    world.cancelled = True
    assert world.fetch() is None
    assert [type(each) for each in world.told] == [Cancelled]
    world.cancelled = False
    assert isinstance(world.fetch(), Got)


def test_cancelled_fetch_has_no_outcome_and_says_nothing_of_its_place(world: World) -> None:
    world.cancelled = True
    assert [world.fetch() for _ in range(10)] == [None] * 10
    assert world.origins.open_origins() == {}


def test_error_nobody_has_classified_comes_out(world: World) -> None:
    world.contents.problem = ZeroDivisionError()  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        world.fetch()
    assert list(world.folder.iterdir()) == []


@pytest.mark.rule("V14")
def test_v14_place_of_a_file_is_its_bucket_or_host(tmp_path: Path) -> None:
    fetching = World(tmp_path, ["files.example.com"]).fetching
    places = {
        location: fetching.place(Fetch(reference(location), 0, 0), "photos")
        for location in ("plans/a.pdf", "https://files.example.com/a.pdf", "https://other.example.com/a.pdf")
    }
    assert list(places.values()) == ["s3:photos.pdf", "https://files.example.com.pdf", ""]
