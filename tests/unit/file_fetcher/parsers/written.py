"""What a parser wrote for a file, read back from its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from file_fetcher.parsers.context import META, ROWS, TEXT, Context
from file_fetcher.parsers.limits import LimitReached, ParserLimits
from file_fetcher.parsers.protocol import Parser


@dataclass(frozen=True)
class Written:
    text: str = ""
    rows: list[tuple[str, int, dict[str, str] | str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def parse(parser: Parser, content: bytes, folder: Path, limits: ParserLimits | None = None) -> Written:
    """Have a parser read a content in this process."""
    path = folder / "content"
    path.write_bytes(content)
    with Context(folder, limits or ParserLimits()) as context:
        try:
            parser.parse(path, context)
        except LimitReached:
            context.truncate()
        context.finish("ok")
    return written(folder)


def written(folder: Path) -> Written:
    text, rows = folder / TEXT, folder / ROWS
    lines = rows.read_text("utf-8").splitlines() if rows.exists() else []
    return Written(
        text.read_text("utf-8") if text.exists() else "",
        [(row["sheet"], row["number"], row.get("values") or row.get("reason")) for row in map(json.loads, lines)],
        json.loads((folder / META).read_bytes()),
    )
