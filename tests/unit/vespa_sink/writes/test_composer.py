from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from cdc_runtime.consuming.row_changes import RowDelete, RowPut
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
from vespa_sink.vespa.operations import Action, Limits
from vespa_sink.writes.composer import Composer, Names, committed_at_s

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
