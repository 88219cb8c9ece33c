from __future__ import annotations

import json

import pytest

from file_fetcher.parsers.context import META, TEXT, Context
from file_fetcher.parsers.limits import ParserLimits
from file_fetcher.parsers.output import ParserOutput, output_of


@pytest.fixture
def facts(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        context.text("beam")
        context.row("S", 2, {"a": "1"})
        context.finish("ok")
    return json.loads((tmp_path / META).read_bytes())


@pytest.mark.usefixtures("facts")
def test_what_was_written_is_read(tmp_path):
    reading = output_of(tmp_path, "ok")
    assert (reading.status, reading.whole, reading.text_chars, reading.rows_accepted) == ("ok", True, 4, 1)
    assert reading.ranges == (("S", 2, 2),)
    assert reading.text == tmp_path / TEXT


def test_without_facts_there_is_but_a_status(tmp_path):
    assert output_of(tmp_path, "parser_timeout") == ParserOutput("parser_timeout")


def test_saying_ok_without_facts_is_a_crash(tmp_path):
    assert output_of(tmp_path, "ok") == ParserOutput("parser_crash")


@pytest.mark.parametrize(
    ("key", "value"), [("text_chars", "many"), ("ranges", [["S", 1]]), ("meta", None), ("warnings", 1)]
)
def test_facts_that_are_none_are_a_crash(tmp_path, facts, key, value):
    (tmp_path / META).write_text(json.dumps({**facts, key: value}))
    assert output_of(tmp_path, "ok") == ParserOutput("parser_crash")


@pytest.mark.usefixtures("facts")
def test_links_are_not_followed(tmp_path):
    (tmp_path / TEXT).unlink()
    (tmp_path / TEXT).symlink_to("/etc/hostname")
    assert output_of(tmp_path, "ok").text is None
