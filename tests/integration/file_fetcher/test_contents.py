from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from file_fetcher.failures import Blocked, Skipped
from file_fetcher.fetching.contents import Contents, Taken
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.settings import LimitSettings, ParserSettings, S3Settings
from file_fetcher.store.opening import open_store
from file_fetcher.work import ParsedRow
from schemas.file_results import Content, Extraction
from tests.integration.file_fetcher.documentation import documented_parser
from tests.unit.file_fetcher.documents import image, pdf, swollen_pdf, xlsx


@dataclass
class Arrived:
    content: bytes
    declared_type: str | None = None
    etag: str | None = None
    version_id: str | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Desk:
    """Takes contents as downloads do."""

    contents: Contents
    folder: Path
    counts: Counter = field(default_factory=Counter)

    def take(self, content: bytes, name: str = "", **said: str) -> Taken:
        path = self.folder / f"download-{threading.get_ident()}"
        path.write_bytes(content)
        try:
            return self.contents.take(path, Arrived(content, **said), name)
        finally:
            assert not path.exists()

    def stored(self) -> set[str]:
        return {path.name for path in (self.folder / "store").rglob("*") if path.is_file()}


@pytest.fixture
def make_desk(tmp_path):
    pools = []

    def make(*, store_url="", s3=None, limits=None, named=None, **settings) -> Desk:
        limits = limits or LimitSettings()
        settings = ParserSettings(**{"memory_bytes": 256 * 2**20, **settings})
        pools.append(ParserPool(settings, limits, tmp_path / f"pool{len(pools)}", named=named))
        counts: Counter = Counter()
        store = open_store(store_url, tmp_path, s3 or S3Settings())
        contents = Contents(
            store, pools[-1], limits, lambda metric, *labels: counts.update([(metric.name.split("_")[2], *labels)])
        )
        return Desk(contents, tmp_path, counts)

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def desk(make_desk) -> Desk:
    return make_desk()


def test_pdf_is_kept_and_read(desk):
    content = pdf(["Concrete beam", "Steel column"], title="Plans")
    taken = desk.take(content, "plan.pdf", declared_type="application/octet-stream", etag='"1"', version_id="v")
    sha256 = hashlib.sha256(content).hexdigest()
    object_path = desk.folder / "store" / "objects" / sha256[:2] / sha256
    assert taken.content == Content(
        size_bytes=len(content),
        sha256=sha256,
        content_type="application/pdf",
        storage_uri=object_path.as_uri(),
        declared_type="application/octet-stream",
        etag='"1"',
        version_id="v",
    )
    assert object_path.read_bytes() == content
    extraction = taken.extraction
    assert (extraction.status, extraction.parser) == ("ok", "pypdfium2 5.15.2/2")
    assert extraction.text == "Concrete beam\n\nSteel column"
    assert (extraction.text_chars, extraction.page_count, extraction.truncated) == (26, 2, False)
    assert extraction.meta["Title"] == "Plans"
    assert Path(extraction.text_uri.removeprefix("file://")).read_text() == "Concrete beam\fSteel column"
    assert (taken.rows, list(taken.open_rows())) == ((), [])


def test_rows_of_a_spreadsheet_are_given_as_often_as_wanted(make_desk):
    rows = [["name", "qty"], ["beam", 4], [None], ["x" * 60, 1], ["column", 2]]
    taken = make_desk(limits=LimitSettings(max_cell_chars=50)).take(xlsx({"Träger": rows}), "list.xlsx")
    expected = [
        ParsedRow("Träger", 2, {"name": "beam", "qty": "4"}),
        ParsedRow("Träger", 4, reason="expected cells of at most 50 characters, got 60 in column A"),
        ParsedRow("Träger", 5, {"name": "column", "qty": "2"}),
    ]
    assert list(taken.open_rows()) == expected
    assert list(taken.open_rows()) == expected
    assert taken.rows == (("Träger", 2, 2), ("Träger", 4, 5))
    assert (taken.extraction.rows_accepted, taken.extraction.rows_rejected) == (2, 1)


def test_image_has_facts_and_no_text(desk):
    taken = desk.take(image("PNG", (40, 30)), "photo.png")
    assert taken.content.content_type == "image/png"
    assert (taken.extraction.status, taken.extraction.text, taken.extraction.text_uri) == ("ok", "", "")
    assert (taken.extraction.meta["width"], taken.extraction.meta["height"]) == ("40", "30")


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"AC1032\x00\x00", "plan.dwg"), (b"<html><body>", "plan.pdf"), (b"PK\x03\x04\x00", "list.xlsx")],
)
def test_type_that_is_not_known_is_skipped_and_not_kept(desk, content, name):
    with pytest.raises(Skipped) as raised:
        desk.take(content, name)
    assert raised.value.reason == "unsupported_type"
    assert desk.stored() == set()


def test_type_that_is_not_wanted_is_skipped(make_desk):
    desk = make_desk(limits=LimitSettings(types=["pdf", "jpeg"]))
    assert desk.take(image("JPEG", (4, 4))).content.content_type == "image/jpeg"
    with pytest.raises(Skipped, match=r"expected one of limits.types, got 'txt'") as raised:
        desk.take(b"words", "notes.txt")
    assert raised.value.reason == "unsupported_type"


def test_type_without_a_parser_is_kept_unread(make_desk):
    desk = make_desk(named={})
    taken = desk.take(pdf(["x"]), "plan.pdf")
    assert taken.extraction == Extraction(status="none")
    assert desk.stored() == {taken.content.sha256}


def test_text_of_a_result_is_its_beginning(make_desk):
    desk = make_desk(limits=LimitSettings(text_bytes=7))
    extraction = desk.take("Säge Träger".encode(), "notes.txt").extraction
    assert (extraction.text, extraction.truncated, extraction.text_chars) == ("Säge T", True, 11)
    assert Path(extraction.text_uri.removeprefix("file://")).read_text() == "Säge Träger"
    assert make_desk().take("Säge Träger".encode(), "notes.txt").extraction.text == "Säge Träger"


def test_content_that_is_known_is_neither_kept_nor_read_again(desk, make_desk):
    content = xlsx({"S": [["name"], ["beam"]]})
    first = desk.take(content, "a.xlsx")
    second = desk.take(content, "b.xlsx")
    after_restart = make_desk()
    third = after_restart.take(content, "c.xlsx")
    assert first.extraction == second.extraction == third.extraction
    assert first.rows == second.rows == third.rows == (("S", 2, 2),)
    assert list(third.open_rows()) == [ParsedRow("S", 2, {"name": "beam"})]
    once = {
        ("cache", "content", "miss"): 1,
        ("cache", "extraction", "miss"): 1,
        ("extractions", "python-calamine", "ok"): 1,
    }
    again = {("cache", "content", "hit"): 1, ("cache", "extraction", "hit"): 1}
    assert desk.counts == {**once, **again}
    assert after_restart.counts == again


def test_same_bytes_with_another_name_are_another_reading(desk):
    as_table, as_text = desk.take(b"name\nbeam\n", "a.csv"), desk.take(b"name\nbeam\n", "a.txt")
    assert (as_table.extraction.parser, as_text.extraction.parser) == ("csv 2", "text 2")
    assert as_table.content.storage_uri == as_text.content.storage_uri
    assert (as_table.extraction.rows_accepted, as_text.extraction.rows_accepted) == (1, 0)


def test_many_threads_with_one_content_have_it_read_once(desk):
    content = pdf(["Concrete"] * 20)
    taken: list[Taken] = []
    threads = [threading.Thread(target=lambda: taken.append(desk.take(content, "a.pdf"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 12
    assert len({(each.content.storage_uri, each.extraction.text) for each in taken}) == 1
    assert desk.counts["extractions", "pypdfium2", "ok"] == 1
    assert desk.counts["cache", "content", "miss"] == 1


def test_file_that_kills_its_parser_is_kept_and_not_read_again_by_this_process(desk, make_desk):
    taken = [desk.take(swollen_pdf(), "swollen.pdf") for _ in range(2)]
    assert [each.extraction.status for each in taken] == ["parser_oom"] * 2
    assert taken[0].extraction.parser == "pypdfium2 5.15.2/2"
    assert desk.stored() == {taken[0].content.sha256}
    assert desk.counts["extractions", "pypdfium2", "parser_oom"] == 1
    after_restart = make_desk(memory_bytes=300 * 2**20)
    after_restart.take(swollen_pdf(), "swollen.pdf")
    assert after_restart.counts["extractions", "pypdfium2", "parser_oom"] == 1


def test_other_limits_read_a_content_again(desk, make_desk):
    content = b"name\nbeam\ncolumn\n"
    assert desk.take(content, "a.csv").extraction.rows_accepted == 2
    assert make_desk(limits=LimitSettings(max_rows=1)).take(content, "a.csv").extraction.rows_accepted == 1


def test_reading_that_cannot_be_read_is_made_anew(desk):
    desk.take(b"beam", "a.txt")
    for path in (desk.folder / "store").rglob("meta.json"):
        path.write_bytes(b"{")
    assert desk.take(b"beam", "a.txt").extraction.text == "beam"


@pytest.mark.remedy("let nobody else remove files of store_url: the next try reads them again")
def test_rows_that_went_from_the_store_are_told_and_read_again_with_the_next_try(desk):
    taken = desk.take(b"name\nbeam\n", "a.csv")
    for path in (desk.folder / "store").rglob("*.rows.jsonl"):
        path.unlink()
    with pytest.raises(Blocked) as raised:
        list(taken.open_rows())
    assert raised.value.reason == "bad_answer"
    assert raised.value.remedy == "let nobody else remove files of store_url: the next try reads them again"
    taken = desk.take(b"name\nbeam\n", "a.csv")
    assert [row.values for row in taken.open_rows()] == [{"name": "beam"}]


def test_parser_of_the_documentation_brings_its_type(make_desk, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    desk = make_desk(named=documented_parser(tmp_path), limits=LimitSettings(types=["eml"]))
    taken = desk.take(b"From: ann@example.com\nSubject: beam\n\nThe beam is late.\n", "letter.eml")
    assert taken.content.content_type == "message/rfc822"
    assert (taken.extraction.parser, taken.extraction.text) == ("mail 1", "The beam is late.\n")
    assert taken.extraction.meta == {"from": "ann@example.com"}


def test_contents_and_readings_are_kept_in_a_bucket_as_well(make_desk, s3, s3_bucket):
    settings = S3Settings(
        endpoint_url=s3.endpoint_url,
        region=s3.region,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
    )
    content = b"name\nbeam\n"
    for count in range(2):
        desk = make_desk(store_url=f"s3://{s3_bucket}/kept", s3=settings)
        taken = desk.take(content, "a.csv")
        assert taken.content.storage_uri.startswith(f"s3://{s3_bucket}/kept/objects/")
        assert taken.extraction.text_uri.startswith(f"s3://{s3_bucket}/kept/extractions/")
        assert list(taken.open_rows()) == [ParsedRow("Sheet1", 2, {"name": "beam"})]
        assert desk.counts["cache", "extraction", "hit"] == count
