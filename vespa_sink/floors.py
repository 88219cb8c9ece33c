"""
The steps of a floor (rule V4): what is listed, what is removed, when it is over, and whether it may be trusted yet.

A floor is over when a query with full coverage lists nothing below it. A write that got no answer may still take
effect until its time-out has passed: while that is possible, the floor is listed once more before its offset counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

PAGE = 400  # Vespa's default for the greatest number of hits
FULL_COVERAGE = 100


@dataclass(frozen=True, slots=True)
class Sweep:
    """Which documents a floor concerns."""

    document_type: str
    table: str
    partition: int
    below_version: int

    def query(self, timeout_s: float) -> dict[str, Any]:
        """The body of a search for one page of them."""
        where = f"{_of_table(self.table)} and source_partition = {self.partition} and version < {self.below_version}L"
        return {
            "yql": _select(self.document_type, where, PAGE),
            "hits": PAGE,
            "presentation.summary": "hop",
            "ranking.profile": "unranked",
            "timeout": f"{timeout_s:g}s",
        }


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: the ids found, and whether every document was looked at."""

    doc_ids: tuple[str, ...]
    complete: bool

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.complete and not self.doc_ids


def page_of(answer: Mapping[str, Any]) -> Page:
    """Read a search's answer; what does not look like one counts as incomplete."""
    root = answer.get("root")
    if not isinstance(root, Mapping):
        return Page((), complete=False)
    coverage = root.get("coverage")
    covered = isinstance(coverage, Mapping) and coverage.get("coverage") == FULL_COVERAGE and not root.get("errors")
    fields = (hit.get("fields") for hit in root.get("children") or () if isinstance(hit, Mapping))
    ids = [each.get("doc_id") for each in fields if isinstance(each, Mapping)]
    return Page(tuple(doc_id for doc_id in ids if isinstance(doc_id, str)), complete=bool(covered))


def rows_of_partition(document_type: str, table: str, partition: int) -> dict[str, Any]:
    """The body of a search that tells whether any row that came through a partition is in the index."""
    where = f"{_of_table(table)} and source_partition = {partition}"
    return {
        "yql": _select(document_type, where, 1),
        "hits": 1,
        "presentation.summary": "hop",
        "ranking.profile": "unranked",
    }


def owner_of(document_type: str) -> dict[str, Any]:
    """The body of a search for the prefixes of the pipelines whose tables are described (rule D7)."""
    return {"yql": _select(document_type, "deleted = false", PAGE, "prefix"), "hits": PAGE}


def _select(document_type: str, where: str, limit: int, field: str = "doc_id") -> str:
    return f"select {field} from {document_type} where {where} limit {limit}"


def _of_table(table: str) -> str:
    quoted = table.replace("\\", "\\\\").replace('"', '\\"')
    return f'source_table contains "{quoted}"'


def version_path(namespace: str, document_type: str, doc_id: str) -> str:
    """The path that reads only a document's version."""
    field_set = quote(f"{document_type}:version", safe="")
    return f"/document/v1/{namespace}/{document_type}/docid/{quote(doc_id, safe='')}?fieldSet={field_set}"


class Doubts:
    """Until when a write without an answer may still take effect, for one partition."""

    __slots__ = ("_until",)

    def __init__(self, until: float) -> None:
        self._until = until

    def unanswered(self, until: float) -> None:
        """A write was sent that may take effect until then."""
        self._until = max(self._until, until)

    def left_s(self, now: float) -> float:
        """Seconds until no such write can be left."""
        return max(0.0, self._until - now)
