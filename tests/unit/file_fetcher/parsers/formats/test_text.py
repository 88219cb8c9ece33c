from __future__ import annotations

from file_fetcher.parsers.formats.text import TextParser
from file_fetcher.parsers.limits import ParserLimits
from tests.unit.file_fetcher.parsers.written import parse


def test_text_is_decoded(tmp_path):
    assert parse(TextParser(), "Träger\r\nSäule\f2".encode("utf-16"), tmp_path).text == "Träger\nSäule\n2"


def test_bytes_that_do_not_fit_are_marked(tmp_path):
    content = "Träger\n".encode() * 20 + b"\xff"
    assert parse(TextParser(), content, tmp_path).text == "Träger\n" * 20 + "\ufffd"


def test_text_past_the_limit_is_left(tmp_path):
    read = parse(TextParser(), b"x" * 3_000_000, tmp_path, ParserLimits(max_text_chars=1_500_000))
    assert read.facts["text_chars"] == 1_500_000
    assert read.facts["truncated"] is True
