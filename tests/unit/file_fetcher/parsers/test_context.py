from __future__ import annotations

import pytest

from file_fetcher.parsers import context as context_module
from file_fetcher.parsers.context import META, Context
from file_fetcher.parsers.limits import LimitReached, ParserLimits
from tests.unit.file_fetcher.parsers.written import written


def test_text_has_no_control_characters_and_one_kind_of_line_end(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        context.text("a\x00b\r\nc\rd\ud800e\ufffe\tf")
        context.finish("ok")
    assert written(tmp_path).text == "a b\nc\nd e \tf"


def test_pages_are_parted_by_form_feeds_and_counted(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        for text in ("one", "two"):
            context.page()
            context.text(text)
        context.finish("ok")
    assert written(tmp_path).text == "one\ftwo"
    assert written(tmp_path).facts["page_count"] == 2


def test_text_past_the_limit_is_dropped_and_the_next_page_ends_the_reading(tmp_path):
    with Context(tmp_path, ParserLimits(max_text_chars=5)) as context:
        context.page(of=9)
        context.text("123")
        context.text("4567")
        assert context.full
        with pytest.raises(LimitReached):
            context.page(of=9)
        context.finish("ok")
    assert written(tmp_path).text == "12345"
    assert written(tmp_path).facts["truncated"] is True
    assert written(tmp_path).facts["text_chars"] == 5
    assert written(tmp_path).facts["page_count"] == 9


def test_text_of_just_the_limit_is_whole(tmp_path):
    with Context(tmp_path, ParserLimits(max_text_chars=5)) as context:
        context.text("12345")
        context.finish("ok")
    assert written(tmp_path).facts["truncated"] is False


def test_rows_past_the_limit_end_the_reading(tmp_path):
    with Context(tmp_path, ParserLimits(max_rows=2)) as context:
        context.row("S", 2, {"a": "1"})
        context.reject("S", 4, "expected less")
        with pytest.raises(LimitReached):
            context.row("S", 5, {"a": "2"})
        context.finish("ok")
    assert written(tmp_path).rows == [("S", 2, {"a": "1"}), ("S", 4, "expected less")]
    facts = written(tmp_path).facts
    assert (facts["rows_accepted"], facts["rows_rejected"], facts["truncated"]) == (1, 1, True)
    assert facts["ranges"] == [["S", 2, 2], ["S", 4, 4]]


def test_rows_past_what_may_lie_on_the_disk_end_the_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(context_module, "ROWS_BYTES", 60)
    with Context(tmp_path, ParserLimits()) as context:
        context.row("S", 2, {"a": "1"})
        with pytest.raises(LimitReached):
            context.row("S", 3, {"a": "x" * 60})
        context.finish("ok")
    assert written(tmp_path).rows == [("S", 2, {"a": "1"})]


def test_row_that_no_record_holds_is_rejected(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        context.row("S", 2, {"a": "x" * 300_000, "b": "y" * 300_000})
        context.row("S", 3, {"a": "1"})
        context.finish("ok")
    assert written(tmp_path).rows == [
        ("S", 2, "expected rows of at most 524288 bytes, got 600050"),
        ("S", 3, {"a": "1"}),
    ]


def test_sheets_past_a_thousand_end_the_reading(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        for number in range(1_000):
            context.row(f"S{number}", 2, {"a": "1"})
        with pytest.raises(LimitReached):
            context.row("one more", 2, {"a": "1"})
        context.finish("ok")
    assert written(tmp_path).facts["rows_accepted"] == 1_000


def test_names_of_sheets_are_short(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        context.row("S" * 500, 2, {"a": "1"})
        context.finish("ok")
    assert written(tmp_path).facts["ranges"] == [["S" * 200, 2, 2]]


def test_facts_and_warnings_are_few_and_short(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        for number in range(200):
            context.meta(f"key{number}", "x" * 5_000)
            context.warn("y" * 5_000)
        context.meta("empty", "")
        context.finish("ok")
    facts = written(tmp_path).facts
    assert len(facts["meta"]) == 100
    assert len(facts["warnings"]) == 20
    assert {len(value) for value in (*facts["meta"].values(), *facts["warnings"])} == {1_000}


def test_nothing_is_said_before_the_end(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        context.text("a")
    assert not (tmp_path / META).exists()
