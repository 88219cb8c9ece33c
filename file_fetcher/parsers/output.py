"""What a parser left in its folder, as values. It may have been taken over by its file: nothing there is trusted."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from file_fetcher.parsers.context import META, ROWS, TEXT
from schemas.file_state import RowRange

STDERR = "stderr.txt"
_MAX_META_BYTES = 4 * 1024 * 1024
_MAX_STDERR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ParserOutput:
    """
    What a parser read in a file. `text` and `rows`: files, None where there is nothing; they go with the folder.

    `whole`: the parser came to its end, well or not; if not, the child ended first, and there is but a status.
    """

    status: str
    whole: bool = False
    text: Path | None = None
    rows: Path | None = None
    text_chars: int = 0
    truncated: bool = False
    page_count: int | None = None
    rows_accepted: int = 0
    rows_rejected: int = 0
    ranges: tuple[RowRange, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def output_of(folder: Path, status: str) -> ParserOutput:
    """What lies in the folder; a parser may have been taken over by its file, so nothing there is trusted."""
    try:
        facts = _facts(folder)
        return ParserOutput(
            status=status,
            whole=True,
            text=_plain(folder / TEXT),
            rows=_plain(folder / ROWS),
            text_chars=int(facts["text_chars"]),
            truncated=bool(facts["truncated"]),
            page_count=None if facts["page_count"] is None else int(facts["page_count"]),
            rows_accepted=int(facts["rows_accepted"]),
            rows_rejected=int(facts["rows_rejected"]),
            ranges=tuple((str(sheet), int(first), int(last)) for sheet, first, last in facts["ranges"]),
            meta={str(key): str(value) for key, value in facts["meta"].items()},
            warnings=tuple(str(each) for each in facts["warnings"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ParserOutput(status if status != "ok" else "parser_crash")


def _facts(folder: Path) -> dict[str, Any]:
    path = _plain(folder / META)
    if path is None or path.stat().st_size > _MAX_META_BYTES:
        raise ValueError("no facts")
    facts: dict[str, Any] = json.loads(path.read_bytes())
    return facts


def _plain(path: Path) -> Path | None:
    """The path, where there is a plain file: a link would lead out of the folder."""
    try:
        return path if stat.S_ISREG(path.lstat().st_mode) else None
    except FileNotFoundError:
        return None


def last_words(folder: Path) -> bytes:
    """What the child wrote to standard error while it read this file, the beginning of it."""
    path = _plain(folder / STDERR)
    if path is None:
        return b""
    with path.open("rb") as file:
        return file.read(_MAX_STDERR_BYTES)
