"""Each table is captured by what its key and replica identity allow (rules D4, D5)."""

from __future__ import annotations

import dataclasses

import pytest

from cdc_reader.discovery.captures import capture_of
from cdc_reader.discovery.catalog_rows import KeyIndex, RelationRow, TableRow
from schemas.tables import Capture
from tests.unit.cdc_reader.discovery.catalogs import column, relation, table

KEYED = {"id": "bigint", "name": "text"}

CASES: dict[str, tuple[TableRow, str, str]] = {
    "primary key": (table(1, "t", KEYED), "replication", "primary key is the replica identity"),
    "full": (
        table(1, "t", KEYED, replica_identity="f"),
        "replication",
        "replica identity is FULL and there is a primary key",
    ),
    "index that holds the key": (
        table(1, "t", KEYED, replica_identity="i", identity_index=KeyIndex(("name", "id"))),
        "replication",
        "replica identity index holds the primary key",
    ),
    "index that lacks the key": (
        table(1, "t", KEYED, replica_identity="i", identity_index=KeyIndex(("name",))),
        "polling",
        "replica identity index lacks primary-key column 'id': a delete does not name its row",
    ),
    "index that is gone": (
        table(1, "t", KEYED, replica_identity="i"),
        "polling",
        "replica identity is an index that is gone or invalid: updates and deletes do not name their row",
    ),
    "index that is invalid": (
        table(1, "t", KEYED, replica_identity="i", identity_index=KeyIndex(("id",), valid=False)),
        "polling",
        "replica identity is an index that is gone or invalid: updates and deletes do not name their row",
    ),
    "nothing": (
        table(1, "t", KEYED, replica_identity="n"),
        "polling",
        "replica identity is NOTHING: updates and deletes do not name their row",
    ),
    "deferrable key": (
        table(1, "t", KEYED, primary_key=KeyIndex(("id",), immediate=False)),
        "polling",
        "primary key is deferrable: it cannot serve as replica identity",
    ),
    "deferrable key under full": (
        table(1, "t", KEYED, primary_key=KeyIndex(("id",), immediate=False), replica_identity="f"),
        "replication",
        "replica identity is FULL and there is a primary key",
    ),
    "S8: key that nothing orders": (
        table(1, "t", KEYED, key_order=()),
        "none",
        "its primary key is of a type whose operator class lacks operators: it cannot be read in an order",
    ),
    "unlogged": (
        table(1, "t", KEYED, persistence="u"),
        "polling",
        "is unlogged: its changes are not in the write-ahead log",
    ),
    "no primary key": (
        table(1, "t", KEYED, key="", replica_identity="f"),
        "none",
        "has no primary key: its rows cannot be told apart",
    ),
    "view": (
        table(1, "t", KEYED, key="", kind="v"),
        "none",
        "is a view: it has no primary key, and 'keys' names none",
    ),
    "materialized view": (
        table(1, "t", KEYED, key="", kind="m"),
        "none",
        "is a materialized view: it has no primary key, and 'keys' names none",
    ),
    "foreign table": (
        table(1, "t", KEYED, key="", kind="f"),
        "none",
        "is a foreign table: it has no primary key, and 'keys' names none",
    ),
    "key of a type whose text varies": (
        table(1, "t", {"id": "money"}),
        "none",
        "primary-key column 'id' is of type money, whose text depends on the session",
    ),
    "generated key": (
        table(1, "t", KEYED, columns=(column(1, "id", "bigint", generated="s"),)),
        "polling",
        "primary-key column 'id' is generated: the stream does not carry it",
    ),
}


@pytest.mark.parametrize(("row", "mode", "reason"), CASES.values(), ids=CASES)
def test_table_is_captured_as_its_identity_allows(row: TableRow, mode: str, reason: str) -> None:
    assert capture_of(row) == Capture(mode, reason)


# The server's reason is the same for each.
UNSENT = {
    "full": table(1, "t", KEYED, replica_identity="f", unsent_columns=("twice",)),
    "index": table(
        1, "t", KEYED, replica_identity="i", identity_index=KeyIndex(("id", "twice")), unsent_columns=("x", "twice")
    ),
}
BESIDE = {
    "index": table(1, "t", KEYED, replica_identity="i", identity_index=KeyIndex(("id",)), unsent_columns=("twice",)),
    "primary key": table(1, "t", KEYED, unsent_columns=("twice",)),
}


@pytest.mark.rule("D5")
@pytest.mark.parametrize("row", UNSENT.values(), ids=UNSENT)
def test_d5_unsent_column_in_the_identity_keeps_a_table_out_of_the_publication(row: TableRow) -> None:
    assert capture_of(row) == Capture(
        "polling",
        "replica identity has the generated column 'twice', which is not published: the server refuses updates",
    )


@pytest.mark.rule("D5")
@pytest.mark.parametrize("row", BESIDE.values(), ids=BESIDE)
def test_d5_unsent_column_beside_the_identity_is_no_hindrance(row: TableRow) -> None:
    assert capture_of(row).mode == "replication"


def partitioned(*leaves: RelationRow) -> TableRow:
    return table(1, "events", KEYED, kind="p", leaves=leaves)


def test_partitioned_table_is_captured_by_its_leaves() -> None:
    row = partitioned(relation(2, "events_1", KEYED), relation(3, "events_2", KEYED))

    assert capture_of(row) == Capture("replication", "partitioned: its 2 leaf partitions are published by name")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"replica_identity": "n"},
            "partition public.events_2: replica identity is NOTHING: updates and deletes do not name their row",
        ),
        (
            {"replica_identity": "f", "unsent_columns": ("twice",)},
            "partition public.events_2: replica identity has the generated column 'twice', which is not published: the"
            " server refuses updates",
        ),
        ({"kind": "f"}, "partition public.events_2 is a foreign table: it has no write-ahead log here"),
        ({"primary_key": None}, "partition public.events_2 lacks the primary key of public.events"),
    ],
)
def test_one_leaf_that_cannot_be_streamed_has_the_whole_table_polled(change: dict[str, object], reason: str) -> None:
    bad = dataclasses.replace(relation(3, "events_2", KEYED), **change)  # type: ignore[arg-type]

    assert capture_of(partitioned(relation(2, "events_1", KEYED), bad)) == Capture("polling", reason)
