"""
Which encoding a text is in, told by its first bytes.

A byte order mark decides; then UTF-8, where nearly every line with anything beyond ASCII is UTF-8 (one bad line makes
no other encoding). Anything else is a guess, and says so. Text with more letters of ASCII than bytes beyond it is
Western: Windows' code page, which is what spreadsheets write there; no statistics tell its neighbours from it in a few
lines. The rest is told by kana, then by charset-normalizer. Bytes that do not fit become lone surrogates or U+FFFD
(`on_errors`): whoever reads can tell them, line by line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

SAMPLE_BYTES = 64 * 1024
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UTF8_SHARE = 0.9
_WESTERN = ("cp1252", "cp1250")  # the second has letters where the first has nothing
_JAPANESE = ("cp932", "euc_jp")
_OTHERS = ["gb18030", "big5", "cp949", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874", *_JAPANESE]
_KANA_SHARE = 0.05  # Japanese has five times as many; other languages' bytes give hardly any
_KANA = re.compile("[\u3041-\u309f\u30a1-\u30ff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_ESCAPED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Its name, as Python has it; `is_guessed`: nothing in the bytes says it."""

    name: str
    is_guessed: bool = False

    @property
    def warning(self) -> str:
        """What the reader of the text should know; empty where nothing was guessed."""
        return f"the encoding is a guess: {self.name}" if self.is_guessed else ""


def encoding_of(head: bytes) -> Encoding:
    """The encoding of a text that begins so."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return Encoding(encoding)
    whole = head if len(head) < SAMPLE_BYTES else head[: head.rfind(b"\n") + 1] or head
    lines = [line for line in whole.split(b"\n") if not line.isascii()]
    if sum(_fits(line, "utf-8") for line in lines) >= _UTF8_SHARE * len(lines):
        return Encoding("utf-8")
    return Encoding(_western(whole) if _is_western(whole) else _other(whole), is_guessed=True)


def on_errors(encoding: str) -> str:
    """How to decode a text so that the bytes that do not fit can be told from others, where that is possible."""
    return "replace" if encoding.startswith(("utf-16", "utf_16", "utf_32")) else "surrogateescape"


def has_undecoded(text: str) -> bool:
    """Whether a text has bytes in it that did not fit its encoding."""
    return _ESCAPED.search(text) is not None


def _is_western(text: bytes) -> bool:
    letters = sum(byte < 0x80 and chr(byte).isalpha() for byte in text)
    return letters >= sum(byte >= 0x80 for byte in text)


def _western(text: bytes) -> str:
    return next((encoding for encoding in _WESTERN if _fits(text, encoding)), _WESTERN[0])


def _other(text: bytes) -> str:
    for encoding in _JAPANESE:
        if _fits(text, encoding) and _share(_KANA, text.decode(encoding)) >= _KANA_SHARE:
            return encoding
    best = from_bytes(text, cp_isolation=_OTHERS).best()
    return _WESTERN[0] if best is None else best.encoding


def _share(characters: re.Pattern[str], text: str) -> float:
    beyond: Sequence[str] = _BEYOND_ASCII.findall(text)
    return len(characters.findall(text)) / len(beyond) if beyond else 0.0


def _fits(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
