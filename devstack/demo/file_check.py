"""What the index says of a file, against what was put into the object that it came from (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devstack.sample.objects.expected import Expected

Fields = Mapping[str, Any]
RowPlace = tuple[str, int]
FILE_FIELDS = (
    *("file_id", "status", "reason", "sha256", "size_bytes", "content_text", "truncated", "page_count"),
    *("extraction_status", "rows_accepted", "rows_rejected", "deleted"),
)
ROW_FIELDS = ("file_id", "sheet", "row_number", "values", "deleted")
_SAMPLES = 5


@dataclass(slots=True)
class FileTally:
    """What was compared, and what of it differs."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    texts: int = 0
    words: int = 0
    rows: int = 0
    different: int = 0
    samples: list[str] = field(default_factory=list)

    @property
    def references(self) -> int:
        """All that were compared."""
        return self.ends.total()

    @property
    def equal(self) -> bool:
        """Whether everything was found as it was put in."""
        return not self.different

    def enter(self, file_id: str, wanted: Expected, found: Fields | None, rows: Mapping[RowPlace, Fields]) -> None:
        """Compare one reference; `rows`: what the index has of its spreadsheet, by sheet and number of the row."""
        self.ends[wanted.status, wanted.reason] += 1
        self.texts += bool(wanted.text)
        self.words += len(wanted.words) if wanted.text else 0
        self.rows += len(wanted.accepted)
        if wrong := list(differences(wanted, found, rows)):
            self.add_difference(file_id, wrong)

    def add_difference(self, file_id: str, wrong: Sequence[str]) -> None:
        """Count a file that is not as it should be; the first few are kept to be told."""
        self.different += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(f"{file_id}: {', '.join(wrong)}")

    def by_end(self) -> list[tuple[str, int]]:
        """How many references ended how: fetched first, then by number."""
        named = [(status + (f", {reason}" if reason else ""), count) for (status, reason), count in self.ends.items()]
        return sorted(named, key=lambda each: (each[0] != "fetched", -each[1], each[0]))


def differences(wanted: Expected, found: Fields | None, rows: Mapping[RowPlace, Fields]) -> Iterator[str]:
    """What differs, in a few words each; texts are not told."""
    if found is None:
        yield "not in the index"
        return
    status, reason = found.get("status"), found.get("reason") or ""
    if (status, reason) != (wanted.status, wanted.reason):
        yield f"expected {wanted.status} {wanted.reason}".rstrip() + f", got {status} {reason}".rstrip()
        return
    if (found.get("sha256") or "", found.get("size_bytes") or 0) != (wanted.sha256, wanted.size_bytes):
        yield "other bytes"
    if wanted.pages is not None and found.get("page_count") != wanted.pages:
        yield f"expected {wanted.pages} pages, got {found.get('page_count')}"
    yield from _text_differences(wanted, found)
    yield from _row_differences(wanted, found, rows)


def _text_differences(wanted: Expected, found: Fields) -> Iterator[str]:
    text = found.get("content_text") or ""
    if not wanted.readable and found.get("extraction_status") in ("ok", None):
        yield "read, though no one can"
    if not wanted.text:
        if text:
            yield "a text where none was put in"
    elif not wanted.agrees_with(text, truncated=found.get("truncated") is True):
        yield "another text"


def _row_differences(wanted: Expected, found: Fields, rows: Mapping[RowPlace, Fields]) -> Iterator[str]:
    if dict(rows) != {(row.sheet, row.number): row.values for row in wanted.accepted}:
        yield "other rows"
    counts = tuple(found.get(name) or 0 for name in ("rows_accepted", "rows_rejected"))
    if counts != (len(wanted.accepted), len(wanted.rejected)):
        yield f"expected {len(wanted.accepted)} rows and {len(wanted.rejected)} rejected, got {counts}"
