"""
The steps of a floor (rule V4): what is listed, what is removed, when it is over, and whether it may be trusted yet.

A floor is over when a query with full coverage lists nothing below it. A write that got no answer may still take
effect until its time-out has passed: while that is possible, the floor is listed once more before its offset counts.

Keeps: V4.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from vespa_sink.vespa.answers import Verdict

PAGE = 400  # Vespa's default for the greatest number of hits
FULL_COVERAGE = 100
_STUCK_S = 120.0  # longer than a search may lag behind a remove, whatever goes on in the index
_STUCK_ROUNDS = 5
_MOST_PASSED = 10_000  # a query names them
_NONE_BELOW = Verdict.SUPERSEDED
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


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

    def query(self, timeout_s: float, besides: Collection[str] = ()) -> dict[str, Any]:
        """The body of a search for one page of them, but for those whose field `doc_id` is one of `besides`."""
        where = f"{_of_partition(self.table, self.partition)} and version < {self.below_version}L"
        if besides:
            where += f" and !(doc_id in ({', '.join(_quoted(each) for each in sorted(besides))}))"
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

    @property
    def full(self) -> bool:
        """Whether others may be behind it."""
        return len(self.doc_ids) >= PAGE


def page_of(answer: Mapping[str, Any]) -> Page:
    """Read a search's answer; what does not look like one counts as incomplete. A hit without an id: empty."""
    root = answer.get("root")
    if not isinstance(root, Mapping):
        return Page((), complete=False)
    coverage = root.get("coverage")
    covered = isinstance(coverage, Mapping) and coverage.get("coverage") == FULL_COVERAGE and not root.get("errors")
    fields = (hit.get("fields") for hit in root.get("children") or () if isinstance(hit, Mapping))
    ids = [each.get("doc_id") if isinstance(each, Mapping) else None for each in fields]
    return Page(tuple(doc_id if isinstance(doc_id, str) else "" for doc_id in ids), complete=bool(covered))


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


def described_by(index: Index, prefix: str) -> dict[str, Any]:
    """The body of a search for one table that the pipeline with this prefix has described (rule D7)."""
    return {"yql": _select(index, f"prefix contains {_quoted(prefix)}", 1, "prefix"), "hits": 1}


def _select(index: Index, where: str, limit: int, field: str = "doc_id") -> str:
    within = f"namespace contains {_quoted(index.namespace)} and {where}"
    return f"select {field} from {index.document_type} where {within} limit {limit}"


def _of_partition(table: str, partition: int) -> str:
    return f"source_table contains {_quoted(table)} and source_partition = {partition}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


@dataclass(slots=True)
class _Vain:
    """How often in a row, and since when, an id was listed that nothing below the floor has."""

    since: float
    rounds: int = 0


class Standstill:
    """
    Documents that a floor lists again and again, while each remove is answered that there is none of that id below it.

    A page that is full of them hides what is behind it: what was listed so for long enough is passed, which means
    that the next query leaves it out. `known`: with which earlier floors have ended, of which once is enough.
    """

    __slots__ = ("_in_vain", "_known", "_vain", "passed", "stuck")

    def __init__(self, known: Set[str]) -> None:
        self._known = known
        self._vain: dict[str, _Vain] = {}
        self._in_vain = False  # what was passed is listed all the same
        self.passed: set[str] = set()
        self.stuck: frozenset[str] = frozenset()  # listed again by the last page, which removed nothing

    @property
    def left(self) -> Set[str]:
        """What stays, once it is over."""
        return self.passed | self.stuck

    @property
    def bound_reached(self) -> bool:
        """Whether no more can be passed: others may be behind."""
        return len(self.passed) >= _MOST_PASSED or self._in_vain

    def looked(self, page: Page, removals: Sequence[Verdict], now: float) -> None:
        """A page was listed, and what it lists was asked to be removed."""
        removed = [each for each, verdict in zip(page.doc_ids, removals, strict=True) if verdict is not _NONE_BELOW]
        listed = set(page.doc_ids).difference(removed)
        for each in removed:
            self._vain.pop(each, None)
        self._in_vain = page.full and self.passed.issuperset(page.doc_ids)
        if not page.full:
            self._vain = {each: vain for each, vain in self._vain.items() if each in listed}
        for each in listed if page.complete else ():
            self._vain.setdefault(each, _Vain(now)).rounds += 1
        again = frozenset(each for each in listed if each in self._vain and self._vain[each].rounds > 1)
        self.stuck = frozenset() if removed or not page.complete else again

    def over(self, page: Page, now: float) -> bool:
        """Whether nothing else can be left, or no more can be passed."""
        if page.full:
            return self.bound_reached
        return page.over or (bool(self.stuck) and all(self._ripe(each, now) for each in page.doc_ids))

    def passes(self, page: Page, now: float) -> bool:
        """Pass what a full page lists in vain; whether there was any."""
        ripe = {each for each in self.stuck if self._ripe(each, now)} if page.full else set()
        for each in ripe:
            del self._vain[each]
        self.passed |= ripe
        return bool(ripe)

    def _ripe(self, doc_id: str, now: float) -> bool:
        vain = self._vain.get(doc_id)
        if vain is None:
            return False
        return doc_id in self._known or (vain.rounds >= _STUCK_ROUNDS and now - vain.since >= _STUCK_S)


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
