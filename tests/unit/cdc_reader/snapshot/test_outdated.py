"""Rules D1 and D9: whose rows were read under another catalog, by the entries that are stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.snapshot.outdated import outdated_scans
from schemas.catalog_marks import catalog_mark
from schemas.offsets import SnapshotProgress
from schemas.tables import Capture, Column, Relationship, TableEntry

EDGE = Relationship("out", "owner", "public.people", "id", "belongs_to", declared=True)
PLAIN = TableEntry(
    version=5,
    source="rowferry",
    database="db",
    schema="public",
    table="tasks",
    oid=1,
    topic="cdc.public.tasks",
    partitions=1,
    columns=(),
    primary_key=("id",),
    capture=Capture("replication", "it has a primary key"),
    types=(),
    catalog_mark="",
)
PEOPLE = replace(PLAIN, table="people")
REFERRING = replace(PLAIN, relationships=(EDGE,))
REFERRING = replace(REFERRING, catalog_mark=catalog_mark(REFERRING, {PEOPLE.name: ("id",)}.get))
LABELLED = replace(PLAIN, types=("label 1.700 open",))
DONE = SnapshotProgress("public.tasks", "done", "the table is new to this pipeline", "one", 5, 1, "f", complete_rows=9)


def states(known: TableEntry | None, now: TableEntry, progress: SnapshotProgress = DONE) -> str:
    entries = {str(each.name): each for each in (known, PEOPLE) if each is not None}
    found = outdated_scans({progress.table: progress}, entries, [now, PEOPLE])
    assert found.keys() <= {progress.table}
    for each in found.values():
        assert each.complete_rows == progress.complete_rows
    return found[progress.table].state if found else ""


def of(base: str | None, oid: int | None) -> TableEntry:
    column = Column("body", "domain", 70_000, -1, nullable=True, ordinal=1, base_type=base, base_type_oid=oid)
    return replace(PLAIN, columns=(column,))


CASES = {
    # Readers of before did not tell what is under a domain.
    "a domain over texts": (of(None, None), of("text", 25), "outdated"),
    "a domain over times": (of(None, None), of("timestamp with time zone", 1184), "outdated"),
    "a domain over numbers": (of(None, None), of("integer", 23), ""),
    "a domain that was told": (of("text", 25), of("text", 25), ""),
    "told by a newer reader": (of("text", 25), of(None, None), "outdated"),
    "nothing changed": (REFERRING, REFERRING, ""),
    "an edge came": (PLAIN, REFERRING, "outdated"),
    "an edge went": (REFERRING, PLAIN, "outdated"),
    "a label was renamed": (LABELLED, replace(LABELLED, types=("label 1.800 opened",)), "void"),
    "a label was added": (LABELLED, replace(LABELLED, types=("label 1.700 open", "label 2.750 new")), ""),
    "both": (LABELLED, replace(REFERRING, types=("label 1.800 opened",)), "void"),
    # Entries of readers that recorded neither.
    "earlier, with the same edges": (replace(REFERRING, types=None, catalog_mark=None), REFERRING, ""),
    "earlier, with other edges": (replace(PLAIN, types=None, catalog_mark=None), REFERRING, "outdated"),
    "earlier, without labels": (replace(PLAIN, types=None, catalog_mark=None), PLAIN, ""),
    "earlier, with labels": (replace(PLAIN, types=None, catalog_mark=None), LABELLED, "void"),
    # `_tables` was lost.
    "no entry, and nothing is taken from the catalog": (None, PLAIN, ""),
    "no entry, and edges": (None, REFERRING, "outdated"),
}


@pytest.mark.rule("D1", "D9")
@pytest.mark.parametrize(("known", "now", "state"), CASES.values(), ids=CASES)
def test_d9_stored_entry_tells_what_is_to_be_read_again(known: TableEntry, now: TableEntry, state: str) -> None:
    assert states(known, now) == state


@pytest.mark.rule("D9")
@pytest.mark.parametrize(
    ("progress", "state"),
    [
        (replace(DONE, state="running"), "void"),
        (replace(DONE, state="held"), "void"),
        (replace(DONE, state="void"), "void"),
        (replace(DONE, state="outdated"), "outdated"),
        (replace(DONE, state="running", sweeps=False), "outdated"),
    ],
)
def test_d9_sweep_that_is_owed_stays_owed(progress: SnapshotProgress, state: str) -> None:
    assert states(PLAIN, REFERRING, progress) == state


@pytest.mark.rule("D1")
def test_d1_sweep_for_other_labels_stays_owed_by_a_scan_that_swept_nothing() -> None:
    reading = replace(DONE, state="running", sweeps=False)
    now = replace(LABELLED, types=("label 1.800 opened",))
    [owed] = outdated_scans({reading.table: reading}, {str(LABELLED.name): LABELLED}, [now]).values()
    assert (owed.state, owed.sweeps) == ("void", True)


def test_table_that_was_never_scanned_has_nothing_to_be_outdated() -> None:
    assert outdated_scans({}, {str(PLAIN.name): PLAIN}, [REFERRING]) == {}
