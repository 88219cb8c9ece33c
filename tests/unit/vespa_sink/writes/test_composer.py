from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from cdc_runtime.consuming.row_changes import RowDelete, RowPut
from schemas.envelope import Omitted
from schemas.errors import RecordError
from schemas.file_results import Status
from schemas.names import TableName
from tests.unit.vespa_sink.entries import RFIS, column, entry
from tests.unit.vespa_sink.events import SOURCE, event, record
from tests.unit.vespa_sink.results import record_of, result, row
from vespa_sink.documents.plans import Plans
from vespa_sink.documents.record import Shape
from vespa_sink.intake.listing_changes import FilePut, FileRowPut, TablePut
from vespa_sink.intake.topics import ListingTopic, TableTopic
from vespa_sink.vespa.operations import Action, Limits, Operation
from vespa_sink.writes.composer import Composer, Extent, Names, committed_at_s

TABLE = TableName("public", "rfis")
ENTRY = entry(columns=(column("id"), column("title")))
ROWS = TableTopic(TABLE)
NOW_MS = 1_700_000_000_000


def _composer(known: bool = True) -> Composer:
    plans = Plans(Shape("ns"), lambda table: ENTRY if known and table == TABLE else None)
    return Composer(Names("ns", "rows", "tables", "files", "lines", "cdc"), plans, Limits())


def test_row_is_put_under_its_table_and_key() -> None:
    operation = _composer().compose(ROWS, RowPut(record(), event(), b"17"), NOW_MS).operation
    assert (str(operation.document), operation.action, operation.version) == ("id:ns:rows::rfis/17", Action.PUT, 99)
    fields = orjson.loads(operation.body or b"")["fields"]
    assert fields["metadata"] == {"id": "17", "title": "Slab pour"}
    assert (fields["source_partition"], fields["ingested_at"]) == (2, NOW_MS)


def _stand_in(extent: Extent, **changed: object) -> tuple[Operation, dict[str, Any]]:
    columns = {"id": "17", "a": "x" * 100, "b": "y" * 900, "c": "z" * 800, "d": "w" * 700}
    kinds = dict.fromkeys(columns, "text")
    given = event(after=columns | {"id": 17, "e": None}, kinds=kinds | {"id": "int8", "e": "text"}, **changed)
    table = entry(columns=tuple(column(name) for name in (*columns, "e")))
    plans = Plans(Shape("ns"), lambda name: table if name == TABLE else None)
    composer = Composer(Names("ns", "rows", "tables", "files", "lines", "cdc"), plans, Limits(1200))
    operation = composer.compose(ROWS, RowPut(record(), given, b"17"), NOW_MS, extent).operation
    return operation, orjson.loads(operation.body or b"")["fields"]


@pytest.mark.rule("P8")
def test_p8_row_too_large_goes_without_its_largest_columns_and_says_so() -> None:
    _, fields = _stand_in(Extent.FITTING)
    # Without one it is too large still, without two it is not; NULLs are not lacking.
    assert (fields["metadata"].keys(), fields["omitted"]) == ({"id", "a", "d"}, ["b", "c"])


@pytest.mark.rule("P8")
def test_p8_refused_row_goes_with_its_key_alone() -> None:
    omitted = (Omitted("e", "too_large"),)
    _, fields = _stand_in(Extent.KEY, omitted=omitted)
    assert (fields["metadata"], fields["omitted"]) == ({"id": "17"}, ["a", "b", "c", "d", "e"])


@pytest.mark.rule("P8")
def test_p8_stand_in_goes_over_what_is_older_and_lets_the_row_win() -> None:
    operation, fields = _stand_in(Extent.KEY)
    assert "version+%3C+99&" in operation.target
    assert (fields["version"], fields["source_partition"]) == (98, 2)


@pytest.mark.rule("P8")
def test_p8_column_that_an_event_does_not_carry_is_no_null() -> None:
    change = RowPut(record(), event(after={"id": 17, "title": None}, omitted=(Omitted("title", "gone"),)), b"17")
    fields = orjson.loads(_composer().compose(ROWS, change, NOW_MS).operation.body or b"")["fields"]
    assert (fields["metadata"], fields["omitted"]) == ({"id": "17"}, ["title"])


@pytest.mark.rule("P8")
def test_p8_field_is_in_every_document_so_that_an_index_without_it_takes_none() -> None:
    fields = orjson.loads(_composer().compose(ROWS, RowPut(record(), event(), b"17"), NOW_MS).operation.body or b"")
    assert fields["fields"]["omitted"] == []


@pytest.mark.rule("V3")
def test_v3_memory_of_a_delete_expires_by_the_clock_of_writing() -> None:
    # Its record is a day old.
    operation = _composer().compose(ROWS, RowDelete(record(), 99, b"17"), NOW_MS + 24 * 3_600_000).operation
    assert orjson.loads(operation.body or b"")["fields"]["expire_at"] == 1_700_691_200


def test_table_is_put_under_its_name_and_deleted_when_it_is_gone() -> None:
    put = _composer().compose(ListingTopic.TABLES, TablePut(record(), RFIS), NOW_MS).operation
    gone = _composer().compose(ListingTopic.TABLES, TablePut(record(), replace(RFIS, deleted=True)), NOW_MS).operation
    assert (str(put.document), put.action) == ("id:ns:tables::rfis", Action.PUT)
    assert (str(gone.document), gone.action) == ("id:ns:tables::rfis", Action.DELETE)


def test_file_is_put_under_its_id_and_remembered_when_it_is_gone() -> None:
    put, gone = (FilePut(record_of(each), each) for each in (result(), result(status=Status.GONE)))
    written = _composer().compose(ListingTopic.FILES, put, NOW_MS).operation
    ended = _composer().compose(ListingTopic.FILES, gone, NOW_MS).operation
    assert (str(written.document), written.action) == ("id:ns:files::photos/7/image_s3_key", Action.PUT)
    assert (str(ended.document), ended.action, ended.version) == (str(written.document), Action.DELETE, 204_800)
    assert orjson.loads(ended.body or b"")["fields"].keys() == {"deleted", "version", "expire_at"}


def test_row_of_a_spreadsheet_is_put_and_remembered_when_it_is_rejected() -> None:
    put, bad = (FileRowPut(record_of(each), each) for each in (row(), row(reason="too many columns")))
    written = _composer().compose(ListingTopic.FILE_ROWS, put, NOW_MS).operation
    ended = _composer().compose(ListingTopic.FILE_ROWS, bad, NOW_MS).operation
    assert str(written.document) == "id:ns:lines::photos/7/image_s3_key/Sheet%201/3"
    assert (written.action, ended.action) == (Action.PUT, Action.DELETE)


def test_replaced_code_points_are_counted() -> None:
    change = RowPut(record(), event(after={"id": 17, "title": "a\x01\x02"}), b"17")
    assert _composer().compose(ROWS, change, NOW_MS).replaced == 2


def test_row_of_a_table_that_is_gone_from_the_directory_is_an_error() -> None:
    with pytest.raises(RecordError, match="expected table public"):
        _composer(known=False).compose(ROWS, RowPut(record(), event(), b"17"), NOW_MS)


def test_only_streamed_changes_have_a_latency() -> None:
    snapshot = event("r", source=replace(SOURCE, mode="snapshot"))
    assert committed_at_s(RowPut(record(), event(), b"17")) == 1_700_000_000.0
    assert committed_at_s(RowPut(record(), snapshot, b"17")) is None
    assert committed_at_s(RowDelete(record(), 99, b"17")) is None
    assert committed_at_s(TablePut(record(), RFIS)) is None
    assert committed_at_s(FilePut(record_of(result()), result())) is None
