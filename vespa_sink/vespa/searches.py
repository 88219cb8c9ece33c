"""
The steps of a floor (rule V4): what is listed, what is removed, when it is over, and whether it may be trusted yet.

A floor is over when a query with full coverage lists nothing below it. A write that got no answer may still take
effect until its time-out has passed: while that is possible, the floor is listed once more before its offset counts.

Keeps: V4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAGE = 400  # Vespa's default for the greatest number of hits
FULL_COVERAGE = 100


@dataclass(frozen=True, slots=True)
class Index:
    """The documents of one type in one namespace: queries know types only, so documents carry their namespace."""

    namespace: str
    document_type: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """Which documents a floor concerns."""

    index: Index
    table: str
    partition: int
    below_version: int

    def query(self, timeout_s: float) -> dict[str, Any]:
        """The body of a search for one page of them."""
        where = f"{_of_partition(self.table, self.partition)} and version < {self.below_version}L"
        return {
            "yql": _select(self.index, where, PAGE),
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


def rows_of_partition(index: Index, table: str, partition: int) -> dict[str, Any]:
    """The body of a search that tells whether any row that came through a partition is in the index."""
    return {
        "yql": _select(index, _of_partition(table, partition), 1),
        "hits": 1,
        "presentation.summary": "hop",
        "ranking.profile": "unranked",
    }


def owner_of(index: Index) -> dict[str, Any]:
    """The body of a search for the prefixes of the pipelines whose tables are described (rule D7)."""
    return {"yql": _select(index, "deleted = false", PAGE, "prefix"), "hits": PAGE}


def _select(index: Index, where: str, limit: int, field: str = "doc_id") -> str:
    within = f"namespace contains {_quoted(index.namespace)} and {where}"
    return f"select {field} from {index.document_type} where {within} limit {limit}"


def _of_partition(table: str, partition: int) -> str:
    return f"source_table contains {_quoted(table)} and source_partition = {partition}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
