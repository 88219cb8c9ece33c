"""
The characters that a database's texts are made of: from bytes as they are stored to UTF-8 and back (pure).

In UTF-8, FF and the byte itself stand for a byte without a character. FF is in no UTF-8, so such a value takes the way
of all that is none (rule P8), and as a key it still names its row: no other value is recoded to the same bytes.

Keeps: P8.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from schemas.errors import RecordError

_ESCAPE = "surrogateescape"  # how a `str` holds bytes that are not UTF-8
_WITHOUT = re.compile("[\udc80-\udcff]")
_MARKED = re.compile("\udcff([\udc80-\udcff])")
_MARK = "\udcff"
_NO_CHARACTER = "\ufffd"


class Characters:
    """Of a database whose texts are told as they are stored: what is not UTF-8 stays what it is."""

    recode = False

    def utf8(self, stored: bytes) -> bytes:
        """A text, or whatever was stored as one, for the transcoder."""
        return stored

    def shown(self, stored: bytes) -> str:
        """A name or comment; U+FFFD stands for what has no character."""
        return stored.decode("utf-8", "replace")

    def stored(self, text: str) -> bytes:
        """Of a statement, what the server is sent; bytes that are not UTF-8 are in it as `surrogateescape` has them."""
        return text.encode(errors=_ESCAPE)


class ByteCharacters(Characters):
    """Of an encoding of single bytes, ASCII below 80. `upper`: the characters of 80 to FF; None where there is none."""

    recode = True

    def __init__(self, upper: Sequence[str | None]) -> None:
        characters = [chr(byte) for byte in range(0x80)]
        characters += [found or chr(0xDC00 + byte) for byte, found in enumerate(upper, 0x80)]
        self._characters = "".join(characters)
        self._bytes = {ord(found): byte for byte, found in reversed(list(enumerate(characters)))}

    def utf8(self, stored: bytes) -> bytes:
        """A text in UTF-8, or in bytes that are none where one of its bytes has no character."""
        if stored.isascii():
            return stored
        text = codecs.charmap_decode(stored, "strict", self._characters)[0]
        try:
            return text.encode()
        except UnicodeEncodeError:
            return _WITHOUT.sub(lambda found: _MARK + found[0], text).encode(errors=_ESCAPE)

    def shown(self, stored: bytes) -> str:
        """A name or comment; U+FFFD stands for each byte without a character."""
        return _WITHOUT.sub(_NO_CHARACTER, codecs.charmap_decode(stored, "strict", self._characters)[0])

    def stored(self, text: str) -> bytes:
        """Raises `RecordError` for what no text of the database can be."""
        try:
            return codecs.charmap_encode(_MARKED.sub(r"\1", text), "strict", self._bytes)[0]
        except UnicodeEncodeError as exc:
            raise RecordError("expected characters of the database's encoding, got others") from exc
