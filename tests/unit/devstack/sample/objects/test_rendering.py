"""Files are what they say they are: other programs read out of them what was put in."""

from __future__ import annotations

import csv
import io
import zipfile

import pypdfium2
import pytest
from PIL import Image
from python_calamine import CalamineWorkbook

from devstack.sample.objects import contents
from devstack.sample.objects.contents import Content
from devstack.sample.objects.expected import words_of
from devstack.sample.objects.rendering import rendered

HEADER = ["Item", "Trade", "Quantity", "Unit cost", "Note"]


@pytest.mark.parametrize("number", range(3))
def test_pdf_holds_the_text_page_by_page(number: int) -> None:
    content = Content("pdf", number, "drawings")
    with pypdfium2.PdfDocument(rendered(content)) as document:
        found = [words_of(page.get_textpage().get_text_range()) for page in document]
    assert found == [words_of("\n".join(lines)) for lines in contents.pages(content)]


@pytest.mark.parametrize("kind", ["corrupt", "encrypted"])
def test_unreadable_pdf_looks_like_one_and_cannot_be_opened(kind: str) -> None:
    data = rendered(Content(kind, 1))
    assert data.startswith(b"%PDF-")
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(data)


@pytest.mark.parametrize(("kind", "format_name"), [("jpg", "JPEG"), ("png", "PNG"), ("gif", "GIF"), ("tiff", "TIFF")])
def test_image_is_of_its_format(kind: str, format_name: str) -> None:
    with Image.open(io.BytesIO(rendered(Content(kind, 2, "photos")))) as image:
        image.load()
        assert image.format == format_name
        assert min(image.size) >= 120


def test_photo_knows_its_camera() -> None:
    with Image.open(io.BytesIO(rendered(Content("jpg", 2, "photos")))) as image:
        assert image.getexif()[0x0110] == "Camera 2"


def test_workbook_holds_its_rows_in_their_places() -> None:
    content = Content("xlsx", 1, "documents")
    book = CalamineWorkbook.from_filelike(io.BytesIO(rendered(content)))
    sheets = contents.sheets(content)
    assert book.sheet_names == [sheet.name for sheet in sheets] == ["Quantities", "Änderungen 2"]
    for sheet in sheets:
        cells = book.get_sheet_by_name(sheet.name).to_python()
        assert cells[0] == HEADER
        for row in sheet.rows:
            item, trade, quantity, cost, note = row.cells
            assert cells[row.number - 1] == [item, trade, float(quantity), float(cost), note]


def test_csv_holds_its_rows_in_their_lines() -> None:
    content = Content("csv", 3, "documents")
    lines = list(csv.reader(io.StringIO(rendered(content).decode(), newline="")))
    assert lines[0] == HEADER
    (sheet,) = contents.sheets(content)
    assert {row.number: list(row.cells) for row in sheet.rows} == {
        number: cells for number, cells in enumerate(lines, start=1) if cells and number > 1
    }
    assert [len(row.cells[4]) for row in sheet.rows if row.bad] == [40_000]


@pytest.mark.parametrize("kind", ["docx", "zip"])
def test_other_archives_are_whole(kind: str) -> None:
    with zipfile.ZipFile(io.BytesIO(rendered(Content(kind, 1, "documents")))) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("kind", "size"), [("large", 2_097_153), ("empty", 0)], ids=["one byte above the limit", "empty"]
)
def test_size_is_what_matters(kind: str, size: int) -> None:
    assert len(rendered(Content(kind, 1))) == size


def test_long_text_is_longer_than_a_result_may_hold() -> None:
    assert 512 * 1024 < len(rendered(Content("long", 1))) < 1024 * 1024


@pytest.mark.parametrize("kind", ["pdf", "encrypted", "jpg", "xlsx", "docx"])
def test_same_content_gives_the_same_bytes(kind: str) -> None:
    assert rendered(Content(kind, 4, "rfis")) == rendered(Content(kind, 4, "rfis"))
    assert rendered(Content(kind, 4, "rfis")) != rendered(Content(kind, 5, "rfis"))
