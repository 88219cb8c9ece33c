"""
Words that the ends of lines divide (pure).

Nobody can tell `well-known`, broken at its hyphen, from `cooper-ate`. So such a word is there in both spellings, unless
only one can be right: before a digit or a capital, or in a compound that has another hyphen, the hyphen stays.
"""

from __future__ import annotations

import re

_MARK = re.compile("[\ufffe\x02]\r?\n?")  # PDFium's, for a hyphen at a line's end
_DIVIDED = re.compile(rf"(?<![\w-])[\w-]*(?:{_MARK.pattern}[\w-]*)+")


def joined(text: str) -> str:
    """The text with divided words made whole."""
    return _DIVIDED.sub(_whole, text)


def _whole(found: re.Match[str]) -> str:
    first, *others = _MARK.split(found[0])
    hyphenated = "-".join((first, *others))
    if not first or "-" in f"{first}{''.join(others)}" or not all(part[:1].islower() for part in others):
        return hyphenated
    return f"{first}{''.join(others)} {hyphenated}"
