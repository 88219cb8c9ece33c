"""Rules V5 and P8: rows put together from columns."""

from __future__ import annotations

import pytest

from cdc_reader.stream.toast_refetch import FetchedRow
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.transcode import Columns, Encoder, make_encoder
from cdc_reader.transcode.row_assembly import NOT_HAD, ROW_GONE, TOO_LARGE, assemble, missing_columns, shrink
from schemas.tables import Capture, Column, TableEntry

COLUMNS = (
    Column("id", "bigint", 20, -1, nullable=False, ordinal=1, primary_key=True),
    Column("name", "text", 25, -1, nullable=True, ordinal=2),
    Column("body", "text", 25, -1, nullable=True, ordinal=3),
)
ENTRY = TableEntry(
    version=1,
    source="rowferry",
    database="app",
    schema="public",
    table="items",
    oid=1,
    topic="cdc.public.items",
    partitions=3,
    columns=COLUMNS,
    primary_key=("id",),
    capture=Capture("replication", ""),
)
LIMIT = 1_000_000
FETCHED = FetchedRow({"id": b"\x02\x0e", "name": b"\x02\x02b", "body": b"\x02\x02z"})
SENT = Columns((b"\x02\x0e", b"\x02\x02a", None))


def encoder() -> Encoder:
    return make_encoder(plan_table(ENTRY, prefix="cdc"), "reference")


@pytest.mark.rule("V5")
def test_v5_missing_columns_are_those_not_sent() -> None:
    assert missing_columns(encoder(), SENT) == ("body",)


@pytest.mark.rule("V5")
def test_v5_fetched_column_is_marked() -> None:
    row = assemble(encoder(), SENT, FETCHED, gone=False, max_bytes=LIMIT)
    assert row.row == b"\x02\x0e\x02\x02a\x02\x02z"
    assert (row.refetched, row.omitted, row.again) == (("body",), (), False)


@pytest.mark.rule("V5")
def test_v5_column_that_cannot_be_had_is_omitted_and_read_again() -> None:
    row = assemble(encoder(), SENT, None, gone=False, max_bytes=LIMIT)
    assert row.row == b"\x02\x0e\x02\x02a\x00"
    assert (row.omitted, row.again) == ((("body", NOT_HAD),), True)


@pytest.mark.rule("V5")
def test_v5_column_of_a_row_that_is_gone_is_not_read_again() -> None:
    row = assemble(encoder(), SENT, None, gone=True, max_bytes=LIMIT)
    assert (row.omitted, row.again) == ((("body", ROW_GONE),), False)


@pytest.mark.rule("P8")
def test_p8_largest_columns_are_left_out_until_the_row_fits() -> None:
    encoded = [b"k", b"x" * 100, b"y" * 300, b"z" * 200]
    omitted: list[tuple[str, str]] = []
    shrink(["id", "a", "b", "c"], encoded, omitted, max_bytes=250)
    assert encoded == [b"k", b"x" * 100, b"\x00", b"\x00"]
    assert omitted == [("b", TOO_LARGE), ("c", TOO_LARGE)]
