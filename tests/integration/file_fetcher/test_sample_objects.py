"""Objects of the sample through the real downloader, store and parsers: what comes out is what was put in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdc_runtime.settings.models import load
from devstack.sample.objects import cached, links
from devstack.sample.objects.catalogue import FAULTY, ODD_KEYS, missing_key, objects
from devstack.sample.objects.expected import Expected, fetcher_settings
from devstack.sample.objects.links import Form, Link, ObjectStore
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.sources import resolve, rules_of
from file_fetcher.failures import Later, Skipped
from file_fetcher.fetching.contents import Contents, Taken
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.settings import FetcherSettings
from file_fetcher.store.opening import open_store
from schemas.file_references import FileKind, FileReference, file_name, without_query

KEYS = [*ODD_KEYS, *FAULTY, *list(objects())[::12], missing_key("rfis", 1)]
LINKED = [key for key in KEYS if not {"..", "."} & set(key.split("/")) and not key.endswith("folder/")]


@dataclass(frozen=True)
class Fetching:
    """Downloader, store and parsers, put together without Kafka."""

    settings: FetcherSettings
    downloader: Downloader
    contents: Contents
    folder: Path

    def end_of(self, location: str) -> Taken | tuple[str, str]:
        reference = FileReference(
            "c", FileKind.URL, without_query(location), file_name(location), "x", "file", location=location
        )
        target = self.folder / f"{abs(hash(location))}"
        rules = rules_of(self.settings.s3, self.settings.urls, self.settings.google)
        try:
            source = resolve(reference, "t", rules, time.time())
            arrived = self.downloader.download(source, target, cancelled=lambda: False)
            return self.contents.take(target, arrived, reference.file_name)
        except Skipped as skipped:
            return "skipped", skipped.reason
        except Later as later:
            return "failed", later.reason


@pytest.fixture
def fetching(sample_objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetching]:
    for name, value in fetcher_settings(sample_objects).items():
        monkeypatch.setenv(name, value)
    settings = load(FetcherSettings, [])
    pool = ParserPool(settings.parsers, settings.limits, tmp_path / "reading")
    contents = Contents(open_store("", tmp_path, settings.s3), pool, settings.limits, lambda *_: None)
    downloader = Downloader(settings)
    yield Fetching(settings, downloader, contents, tmp_path)
    downloader.close()
    pool.close()


def check(location: str, expected: Expected, end: Taken | tuple[str, str]) -> None:
    if isinstance(end, tuple):
        assert (location, *end) == (location, expected.status, expected.reason)
        return
    found = end.extraction
    assert (location, expected.status) == (location, "fetched")
    assert (end.content.sha256, end.content.size_bytes) == (expected.sha256, expected.size_bytes)
    assert (location, found.status in ("ok", "none")) == (location, expected.readable)
    if expected.text is None:
        assert found.text == ""
    else:
        assert expected.agrees_with(found.text, truncated=found.truncated), location
    assert expected.pages in (None, found.page_count)
    rows = list(end.open_rows())
    accepted = [(row.sheet, row.number, dict(row.values)) for row in rows if not row.reason]
    assert accepted == [(row.sheet, row.number, row.values) for row in expected.accepted]
    rejected = [(row.sheet, row.number) for row in rows if row.reason]
    assert rejected == [(row.sheet, row.number) for row in expected.rejected]


def test_every_reference_ends_as_expected(fetching: Fetching, sample_objects: ObjectStore) -> None:
    expectations = cached.expectations(sample_objects)
    locations = [
        *KEYS,
        *(links.text(Link(key, Form.SIGNED), sample_objects) for key in LINKED[::2]),
        *(links.text(Link(key, Form.EXPIRED), sample_objects) for key in LINKED[1::2]),
        *(links.text(Link(LINKED[-2], form), sample_objects) for form in (Form.PARTNER, Form.FOREIGN, Form.S3)),
    ]
    with ThreadPoolExecutor(4) as threads:
        ends = list(threads.map(fetching.end_of, locations))
    for location, end in zip(locations, ends, strict=True):
        check(location, expectations.expected(location), end)
    assert sum(isinstance(end, Taken) for end in ends) > 300
