from __future__ import annotations

import pytest

from file_fetcher.parsers.formats.hyphens import joined

CASES = {
    "a word or a compound": ("a coop\x02erate b", "a cooperate coop-erate b"),
    "a mark of another kind, with its line's end": ("well\ufffe\r\nknown", "wellknown well-known"),
    "divided twice": ("in\x02com\x02plete", "incomplete in-com-plete"),
    "before a digit": ("PO\x0212345", "PO-12345"),
    "before a capital": ("Bau\x02Amt", "Bau-Amt"),
    "in a compound": ("state-of-the\x02art", "state-of-the-art"),
    "in a compound that goes on": ("state\x02of-the-art", "state-of-the-art"),
    "with nothing before it": ("see \x02known", "see -known"),
    "with nothing behind it": ("end\x02", "end-"),
    "none": ("well-known\nwords", "well-known\nwords"),
}


@pytest.mark.parametrize(("text", "whole"), CASES.values(), ids=CASES)
def test_divided_word_is_found_in_the_spelling_that_it_has(text: str, whole: str) -> None:
    assert joined(text) == whole
