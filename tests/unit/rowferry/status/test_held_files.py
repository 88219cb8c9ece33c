"""Of all records of a row the newest counts, whatever stands before and behind it in its topic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cdc_runtime.consuming.records import Record
from rowferry.status.files import Ended, Files
from rowferry.status.held_files import HeldFiles
from schemas.file_state import HeldFile, HeldRecord, State


@pytest.fixture
def held() -> Iterator[HeldFiles]:
    with closing(HeldFiles()) as found:
        yield found


def file(name: str, state: State = State.FETCHED, **changes: Any) -> HeldFile:
    return HeldFile(name, "s3_key", "a.pdf", "s3_key", 1, state, **changes)


def holds(row_version: int, *files: HeldFile, row: str = "photos/1", revision: int = 0) -> Record:
    value = HeldRecord(row, "public.photos", 0, row_version, revision, files).to_json()
    return Record("cdc._file_refs", 0, 0, row.encode(), value, 0)


def ends(row_version: int, row: str = "photos/1") -> Record:
    return Record("cdc._file_refs", 0, 0, row.encode(), None, 0, (("rowferry.version", b"%d" % row_version),))


def test_references_are_counted_by_state_and_reason(held: HeldFiles) -> None:
    held.take(
        [
            holds(1, file("a", size_bytes=10, sha256="x"), file("b", State.RETRYING, reason="network", since_ms=5)),
            holds(1, file("c", size_bytes=10, sha256="x"), file("d", size_bytes=7, sha256="y"), row="photos/2"),
            holds(1, file("e", State.RETRYING, reason="network", since_ms=4, size_bytes=99), row="photos/3"),
            holds(1, file("f", State.SKIPPED, reason="too_large"), row="photos/4"),
        ]
    )

    assert held.files() == Files(
        (Ended("fetched", "", 3), Ended("retrying", "network", 2), Ended("skipped", "too_large", 1)),
        bytes=27,
        contents=2,
        content_bytes=17,
        oldest_waiting_ms=4,
    )


def test_nothing_held_is_nothing(held: HeldFiles) -> None:
    assert held.files() == Files()


@pytest.mark.parametrize(
    "records",
    [
        [holds(1, file("a"), file("b")), holds(2, file("a"))],
        [holds(2, file("a")), holds(1, file("a"), file("b"))],
        [holds(1, file("a", State.RETRYING)), holds(1, file("a"), revision=1)],
        [holds(1, file("a"), revision=1), holds(1, file("a", State.RETRYING))],
        [holds(1, file("a"), file("b")), ends(2), holds(3, file("a"))],
        [holds(3, file("a")), ends(2)],
    ],
    ids=["newer row", "older row", "later try", "earlier try", "ended and back", "ended before"],
)
def test_newest_record_of_a_row_counts(held: HeldFiles, records: list[Record]) -> None:
    held.take(records)

    assert held.files().states == (Ended("fetched", "", 1),)


@pytest.mark.parametrize("version", [1, 2])
def test_row_that_has_ended_holds_nothing(held: HeldFiles, version: int) -> None:
    held.take([holds(1, file("a"), revision=7), ends(version)])

    assert held.files() == Files()


@pytest.mark.rule("P14")
@pytest.mark.parametrize(
    "value", [None, b"no JSON", b'{"format":2}'], ids=["a tombstone without a version", "other bytes", "a newer format"]
)
def test_p14_record_that_cannot_be_read_is_passed_over_and_the_others_are_counted(
    held: HeldFiles, value: bytes | None
) -> None:
    held.take([Record("cdc._file_refs", 0, 0, b"photos/1", value, 0), holds(1, file("a"), row="photos/2")])

    assert held.files().states == (Ended("fetched", "", 1),)
