"""Names of tables, written so that they can be read back: in records, topics and documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from schemas.errors import RecordError

_PART = re.compile(r"[^.]+")
PUBLIC = "public"


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table by schema and name, as PostgreSQL stores them (not quoted, case kept)."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Read back what `str()` wrote; raises `RecordError` on anything else."""
        parts = text.split(".")
        if len(parts) != 2 or not all(_PART.fullmatch(part) for part in parts):
            raise RecordError("expected a table name like 'public.projects', got something else")
        return cls(unquote(parts[0]), unquote(parts[1]))

    @property
    def document_table(self) -> str:
        """The `<table>` of document ids and `source_table`: `name`, or `schema.name` outside `public`."""
        return _escape(self.name) if self.schema == PUBLIC else str(self)

    def __str__(self) -> str:
        return f"{_escape(self.schema)}.{_escape(self.name)}"


def _escape(part: str) -> str:
    """Percent-encode what would make two parts ambiguous: dots, percent signs, commas, slashes, white space."""
    return quote(part, safe=_SAFE).replace(".", "%2E")


# Separators, white space, control characters and everything outside ASCII are encoded.
_SAFE = "!\"#$&'()*+-:;<=>?@[]^_`{|}~"
