from __future__ import annotations

import pytest

from file_fetcher.parsers.formats.pdf import PdfParser
from file_fetcher.parsers.limits import ParserLimits
from file_fetcher.parsers.protocol import Unreadable
from tests.unit.file_fetcher.documents import filled_form, noted_pdf, pdf
from tests.unit.file_fetcher.parsers.written import parse


def test_pages_and_facts_are_read(tmp_path):
    read = parse(PdfParser(), pdf(["Concrete beam", "Steel column"], title="Plans"), tmp_path)
    assert read.text == "Concrete beam\fSteel column"
    assert read.facts["page_count"] == 2
    assert read.facts["meta"]["Title"] == "Plans"


def test_text_past_the_limit_is_left_and_pages_are_still_counted(tmp_path):
    read = parse(PdfParser(), pdf(["abcdef"] * 5), tmp_path, ParserLimits(max_text_chars=8))
    assert read.text == "abcdef\fa"
    assert (read.facts["page_count"], read.facts["truncated"]) == (5, True)


def test_page_without_text_is_a_page(tmp_path):
    read = parse(PdfParser(), pdf(["", "x"]), tmp_path)
    assert (read.text, read.facts["page_count"]) == ("\fx", 2)


def test_password_makes_it_encrypted(tmp_path):
    with pytest.raises(Unreadable) as raised:
        parse(PdfParser(), pdf(["secret"], password="x"), tmp_path)
    assert raised.value.status == "encrypted"


def test_damaged_document_is_unreadable(tmp_path):
    with pytest.raises(Unreadable) as raised:
        parse(PdfParser(), b"%PDF-1.4\nnothing more", tmp_path)
    assert raised.value.status == "parser_error"


def test_what_was_filled_in_is_text(tmp_path):
    assert parse(PdfParser(), filled_form(), tmp_path).text == "Permit form\nMaria Beispiel\nLot 4711\ndemolition"


def test_what_was_noted_is_text_on_its_page(tmp_path):
    assert parse(PdfParser(), noted_pdf(), tmp_path).text == "Concrete wall\nCheck the slab\nMoved by 20 cm\fsecond"


def test_word_that_a_line_divides_is_found(tmp_path):
    read = parse(PdfParser(), pdf([["part PO-", "12345 and coop-", "erate"]]), tmp_path)
    assert read.text == "part PO-12345 and cooperate coop-erate"
