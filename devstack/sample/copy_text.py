r"""
Rows as PostgreSQL's COPY text format: tabs between values, \N for NULL, backslashes before what looks like either.

See https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from devstack.sample.rows import Row, Value

_SPECIAL = re.compile(r"[\\\t\n\r]")
# Large enough that the calls do not count, small enough that a load holds little in memory.
_CHUNK_CHARACTERS = 128 * 1024


def copy_chunks(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the rows as UTF-8, in chunks of whole rows."""
    lines: list[str] = []
    size = 0
    for row in rows:
        line = copy_line(row)
        lines.append(line)
        size += len(line)
        if size >= _CHUNK_CHARACTERS:
            yield "".join(lines).encode()
            lines.clear()
            size = 0
    if lines:
        yield "".join(lines).encode()


def copy_line(row: Row) -> str:
    """Return one row with its line end."""
    return "\t".join([_escaped(value) for value in row]) + "\n"


def _escaped(value: Value) -> str:
    if value is None:
        return "\\N"
    if _SPECIAL.search(value) is None:
        return value
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
