"""
What a row refers to now against what it referred to before: new, changed, same, gone.

Rule 1: the same reference, unchanged, is not fetched again; a link that was only signed again is the same (`identity`),
        unless the old one did not lead to the file.
Rule 2: what has failed is tried again when its row is read again, by a snapshot or because somebody asked.
Rule 3: of a column that an event could not carry nothing is concluded: its references stay (files.md D8).
Rule 4: what went into the result beside the file (its project) belongs to the reference.

Keeps: P8.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from file_fetcher.settling.file_identity import digest, location_digest, same_file
from file_fetcher.work import Row
from schemas.file_references import FileReference
from schemas.file_state import HeldFile, HeldRecord, State

_EXPIRED = "url_expired"


class Change(StrEnum):
    """How a reference compares with before."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Difference:
    """The references of a row, sorted: to be fetched (with whether they are new), the same as before, gone."""

    fetch: tuple[tuple[FileReference, Change], ...]
    same: tuple[HeldFile, ...]
    gone: tuple[HeldFile, ...]


def compare(held: HeldRecord | None, row: Row, lost: frozenset[str] = frozenset()) -> Difference:
    """
    Compare; `held` is what is remembered of the row (None: nothing).

    `lost`: ids of files that wait for another try of which nothing is left: they are fetched again.
    """
    before = {file.file_id: file for file in held.files} if held else {}
    fetch: list[tuple[FileReference, Change]] = []
    same: list[HeldFile] = []
    for reference in row.references:
        file = before.pop(reference.file_id, None)
        if file is None:
            fetch.append((reference, Change.NEW))
        elif is_same(file, reference, row) and file.file_id not in lost:
            same.append(file)
        else:
            fetch.append((reference, Change.CHANGED))
    same.extend(file for file in before.values() if file.column in row.unknown)
    gone = tuple(file for file in before.values() if file.column not in row.unknown)
    return Difference(tuple(fetch), tuple(same), gone)


def same_references(first: Row, second: Row) -> bool:
    """Whether fetching for the one is as good as fetching for the other."""
    return _wanted(first) == _wanted(second)


def says_all_of(newer: Row, older: Row) -> bool:
    """Whether nothing is lost when only the newer event of a row is looked at: it carries every column of the older."""
    return newer.version >= older.version and newer.unknown <= older.unknown


def _wanted(row: Row) -> set[tuple[str, str, str]]:
    return {(each.file_id, each.location, row.project_id) for each in row.references}


def is_same(file: HeldFile, reference: FileReference, row: Row) -> bool:
    """Whether a row still refers to what is remembered, so that nothing new could be fetched."""
    if file.state is State.FAILED and row.reread:
        return False
    if (file.key, file.kind, file.context) != (reference.key, reference.kind.value, digest(row.project_id)):
        return False
    wanted = location_digest(reference.location)
    if file.place == wanted:
        return True
    if not same_file(file.place, wanted):
        return False
    # A new signature: what failed with the old one is tried with it; what was skipped for what it is stays so.
    return file.state is State.FETCHED or (file.state is State.SKIPPED and file.reason != _EXPIRED)
