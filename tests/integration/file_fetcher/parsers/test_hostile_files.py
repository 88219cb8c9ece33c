"""Files that are made to harm who reads them cost nothing but themselves."""

from __future__ import annotations

import time

import pytest

from file_fetcher.parsers.media_types import PDF, TIFF, XLSX
from tests.unit.file_fetcher.documents import far_xlsx, giant_tiff, laughing_pdf, pdf, swollen_pdf, swollen_xlsx, xlsx

GIB = 2**30


@pytest.mark.parametrize(
    ("content", "media_type", "settings", "status"),
    [
        pytest.param(swollen_pdf(), PDF, {}, "parser_oom", id="a PDF that unpacks to a gigabyte"),
        pytest.param(
            laughing_pdf(), PDF, {"memory_bytes": 8 * GIB, "timeout_s": 1.5}, "parser_timeout", id="nested forms"
        ),
        pytest.param(laughing_pdf(), PDF, {}, "parser_oom", id="nested forms and little memory"),
        pytest.param(swollen_xlsx(300 * 2**20), XLSX, {}, "output_too_large", id="a workbook that unpacks to too much"),
        pytest.param(far_xlsx(), XLSX, {}, "ok", id="a workbook with cells far apart"),
        pytest.param(giant_tiff(), TIFF, {}, "output_too_large", id="a giant TIFF"),
        pytest.param(b"%PDF-1.4\n" + b"[" * 100_000, PDF, {}, "parser_error", id="no PDF at all"),
        pytest.param(pdf(["x"], password="y"), PDF, {}, "encrypted", id="a PDF with a password"),
    ],
)
def test_hostile_file_costs_itself_alone(make_reader, content, media_type, settings, status):
    reader = make_reader(**settings)
    began = time.monotonic()
    assert reader.read(content, media_type).status == status
    assert time.monotonic() - began < 60
    after = reader.read(xlsx({"S": [["name"], ["beam"]]}), XLSX)
    assert (after.status, after.rows_accepted) == ("ok", 1)
    text = reader.read(pdf(["Concrete"]), PDF).text
    assert text is not None
    assert text.read_text() == "Concrete"
