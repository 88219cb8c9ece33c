"""Plain text: decoded, in pieces."""

from __future__ import annotations

from pathlib import Path

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.formats.decoding import SAMPLE_BYTES, encoding_of

_PIECE_CHARS = 1024 * 1024


class TextParser:
    """Text as it is."""

    name = "text"
    version = "2"
    media_types = frozenset({"text/plain"})

    def parse(self, path: Path, context: Context) -> None:
        """Read the text; bytes that do not fit the encoding become U+FFFD."""
        with path.open("rb") as file:
            encoding = encoding_of(file.read(SAMPLE_BYTES))
        context.meta("encoding", encoding.name)
        context.warn(encoding.warning)
        with path.open(encoding=encoding.name, errors="replace") as text:
            while (piece := text.read(_PIECE_CHARS)) and not context.full:
                context.text(piece.replace("\f", "\n"))
