"""
Which encoding a text is in, told by its first bytes.

A byte order mark decides; then UTF-8, where nearly every line with anything beyond ASCII is UTF-8 (one bad line makes
no other encoding); then what charset-normalizer thinks. Bytes that do not fit become lone surrogates or U+FFFD
(`on_errors`): whoever reads can tell them, line by line.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

SAMPLE_BYTES = 64 * 1024
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UTF8_SHARE = 0.9
_FALLBACK = "cp1252"  # what most text that says nothing of itself is in
_ESCAPED = re.compile("[\udc80-\udcff]")


def encoding_of(head: bytes) -> str:
    """The encoding of a text that begins so."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    lines = [line for line in head.split(b"\n")[: -1 if len(head) >= SAMPLE_BYTES else None] if not line.isascii()]
    if sum(map(_is_utf8, lines)) >= _UTF8_SHARE * len(lines):
        return "utf-8"
    best = from_bytes(head).best()
    return _FALLBACK if best is None or best.encoding in ("ascii", "utf_8") else best.encoding


def on_errors(encoding: str) -> str:
    """How to decode a text so that the bytes that do not fit can be told from others, where that is possible."""
    return "replace" if encoding.startswith(("utf-16", "utf_16", "utf_32")) else "surrogateescape"


def has_undecoded(text: str) -> bool:
    """Whether a text has bytes in it that did not fit its encoding."""
    return _ESCAPED.search(text) is not None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
