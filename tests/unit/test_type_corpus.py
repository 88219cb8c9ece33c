"""The page of types is what the tests prove."""

from __future__ import annotations

from cdc_reader.transcode.kinds import KINDS
from tests.type_corpus import PAGE, YES, current, filled, lines


def test_the_page_is_what_the_tests_prove() -> None:
    assert PAGE.read_text("utf-8") == current(), "run `make types` and commit the page"


def test_page_is_filled_between_its_marks_alone() -> None:
    made = filled("before\n<!-- types -->\nwhat was there\n<!-- end -->\nafter\n")
    assert made.startswith("before\n<!-- types -->\n")
    assert made.endswith("<!-- end -->\nafter\n")
    assert "what was there" not in made


def test_every_kind_of_its_own_is_in_the_corpus() -> None:
    assert {kind.name for kind in KINDS} == {typed.kind for typed in lines()}


def test_every_type_is_there_once_with_values() -> None:
    types = [typed.type for typed in lines()]
    assert len(types) == len(set(types))
    assert all(typed.texts for typed in lines())
    assert all(typed.binary for typed in lines() if typed.kind not in ("text",) and typed.key == YES)
