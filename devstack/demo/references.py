"""
Which references to files a row holds, and the id of each file (pure).

Written from what the documentation says of ids, with nothing of the product, so that the two can check each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from devstack.sample.model import FileKind

_URL = re.compile(r"(https?|s3)://[^/?#]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference. `location`: as the row holds it, the signature of a link included."""

    file_id: str
    location: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A column that refers to files."""

    table: str
    column: str
    kind: FileKind

    def references(self, key: Sequence[str], value: str | None) -> Iterator[Reference]:
        """The references of one row's value, given with its key as PostgreSQL's text; most values hold one or none."""
        if not value:
            return
        stem = f"{self.table}/{','.join(map(_encoded, key))}/{_encoded(self.column)}"
        if self.kind == "jsonb_s3_map":
            yield from (Reference(f"{stem}/{_encoded(entry)}", location) for entry, location in _entries(value))
        elif self.kind == "s3_key" or _URL.match(value):
            yield Reference(stem, value)


def _entries(value: str) -> Iterator[tuple[str, str]]:
    found = json.loads(value)
    if isinstance(found, dict):
        yield from ((entry, location) for entry, location in found.items() if location and isinstance(location, str))


def _encoded(part: str) -> str:
    return quote(part, safe="") or "%00"
