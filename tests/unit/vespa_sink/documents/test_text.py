from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vespa_sink.documents.text import bounded, is_legal, legal_fields, legal_text

TEXTS = {
    "plain": ("plan", "plan", 0),
    "white space": ("a\tb\nc\rd", "a\tb\nc\rd", 0),
    "delete is legal": ("a\x7f\x80", "a\x7f\x80", 0),
    "controls": ("a\x00\x01\x1fb", "a\ufffd\ufffd\ufffdb", 3),
    "control beside others": ("æ\x07", "æ\ufffd", 1),
    "surrogate": ("a\ud800", "a\ufffd", 1),
    "no characters": ("\ufdd0\ufddf\ufffe\uffff", "\ufffd\ufffd\ufffd\ufffd", 4),
    "ends of planes": ("\U0001fffe\U0010ffff", "\ufffd\ufffd", 2),
    "astral": ("\U0001f6a7", "\U0001f6a7", 0),
}


@pytest.mark.parametrize(("text", "clean", "replaced"), TEXTS.values(), ids=TEXTS)
def test_code_points_that_vespa_refuses_are_replaced_and_counted(text: str, clean: str, replaced: int) -> None:
    assert legal_text(text) == (clean, replaced)


def _is_text_character(code: int) -> bool:
    """Vespa's `Text.isTextCharacter`, written out again."""
    if code < 0x80:
        return code >= 0x20 or code in (0x09, 0x0A, 0x0D)
    if 0xD800 <= code < 0xE000 or 0xFDD0 <= code <= 0xFDDF:
        return False
    return code & 0xFFFF < 0xFFFE and code < 0x10FFFE


@pytest.mark.parametrize("plane", range(17))
def test_every_code_point_is_judged_as_vespa_judges_it(plane: int) -> None:
    codes = range(plane << 16, (plane + 1) << 16)
    wrong = [hex(code) for code in codes if is_legal(chr(code)) != _is_text_character(code)]
    assert wrong == []


@given(st.text(st.characters()))
def test_cleaned_text_is_legal(text: str) -> None:
    assert is_legal(legal_text(text)[0])


def test_fields_are_cleaned_in_lists_and_maps_too() -> None:
    fields = {"a": "x\x00", "b": ["\x01", "y"], "c": {"k\x02": "\ufffe", "n": "æ"}, "d": 7, "e": False}
    assert legal_fields(fields) == (
        {"a": "x\ufffd", "b": ["\ufffd", "y"], "c": {"k\ufffd": "\ufffd", "n": "æ"}, "d": 7, "e": False},
        4,
    )


BOUNDS = {
    "fits": ("plan", 4, "plan"),
    "too long": ("plans", 4, "plan"),
    "inside a character": ("aææ", 4, "aæ"),
    "nothing": ("plan", 0, ""),
}


@pytest.mark.parametrize(("text", "size", "kept"), BOUNDS.values(), ids=BOUNDS)
def test_text_is_cut_to_bytes_between_characters(text: str, size: int, kept: str) -> None:
    assert bounded(text, size) == kept
