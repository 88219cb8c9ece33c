"""
What a work fetches when it starts (pure): each of its references that is new or changed, or the one that is retried.

Rule: a file whose retry was lost goes on with its attempts; else one that is not there would be asked for without end.

Keeps: V9.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from file_fetcher.references.retries import Retry
from file_fetcher.settling.reference_diff import Change, compare, is_same
from file_fetcher.settling.settlement import waiting_file
from file_fetcher.work import Fetch, Row, Work
from schemas.file_state import HeldRecord


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """What is fetched, by file id, and how the references of a row compare with before, counted."""

    fetches: Mapping[str, Fetch] = field(default_factory=dict)
    changes: Mapping[Change, int] = field(default_factory=dict)


def plan(work: Work, held: HeldRecord | None, lost: Collection[str], now_ms: int) -> WorkPlan:
    """The plan of a work; `held`: what is remembered of its row now; `lost`: its files whose retry was lost."""
    if work.retry is not None:
        return _of_retry(work.row, work.retry, held, now_ms)
    if held is not None and held.row_version >= work.row.version:
        return WorkPlan()
    return _of_event(work.row, held, frozenset(lost), now_ms)


def _of_retry(row: Row, retry: Retry, held: HeldRecord | None, now_ms: int) -> WorkPlan:
    file = waiting_file(held, retry)
    reference = next((each for each in row.references if each.file_id == retry.file_id), None)
    if file is None or reference is None:
        return WorkPlan()
    return WorkPlan({file.file_id: Fetch(reference, retry.attempt, file.since_ms or now_ms)})


def _of_event(row: Row, held: HeldRecord | None, lost: frozenset[str], now_ms: int) -> WorkPlan:
    difference = compare(held, row, lost)
    before = {file.file_id: file for file in held.files} if held else {}
    fetches: dict[str, Fetch] = {}
    changes = {Change.SAME: len(difference.same), Change.GONE: len(difference.gone)}
    for reference, change in difference.fetch:
        file = before.get(reference.file_id)
        goes_on = file is not None and is_same(file, reference, row)
        attempt, since_ms = (file.attempt, file.since_ms) if file is not None and goes_on else (0, now_ms)
        fetches[reference.file_id] = Fetch(reference, attempt, since_ms)
        changes[change] = changes.get(change, 0) + 1
    return WorkPlan(fetches, changes)
