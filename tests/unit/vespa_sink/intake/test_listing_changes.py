from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Nothing
from schemas.errors import RecordError
from schemas.file_results import Status
from schemas.names import TableName
from tests.unit.vespa_sink.entries import RFIS
from tests.unit.vespa_sink.events import record
from tests.unit.vespa_sink.results import record_of, result, row
from vespa_sink.intake.listing_changes import FilePut, FileRowPut, TablePut, listing_change, record_user_id
from vespa_sink.intake.topics import ListingTopic


def test_entry_of_a_table_is_put_and_its_tombstone_nothing() -> None:
    put = listing_change(ListingTopic.TABLES, record(key=RFIS.record_key, value=RFIS.to_json()))
    assert isinstance(put, TablePut)
    assert (put.entry, put.version, put.gone) == (RFIS, 5, False)
    assert isinstance(listing_change(ListingTopic.TABLES, record(value=None)), Nothing)


def test_result_of_a_file_is_put_and_ends_when_it_is_gone() -> None:
    put = listing_change(ListingTopic.FILES, record_of(result()))
    gone = listing_change(ListingTopic.FILES, record_of(result(status=Status.GONE, content=None, extraction=None)))
    assert isinstance(put, FilePut)
    assert isinstance(gone, FilePut)
    assert (put.result, put.version, put.gone, gone.gone) == (result(), 204_800, False, True)


@pytest.mark.parametrize(
    ("changed", "gone"), [({}, False), ({"gone": True}, True), ({"reason": "too many columns"}, True)]
)
def test_row_of_a_spreadsheet_ends_when_it_is_gone_or_rejected(changed: dict[str, object], gone: bool) -> None:
    change = listing_change(ListingTopic.FILE_ROWS, record_of(row(**changed)))
    assert isinstance(change, FileRowPut)
    assert (change.version, change.gone) == (204_800, gone)


WRONG = {
    "no entry of a table": (ListingTopic.TABLES, record(value=b"{}")),
    "no result": (ListingTopic.FILES, record(value=b"{}")),
    "no row": (ListingTopic.FILE_ROWS, record(value=b"[]")),
    "tombstone of a file": (ListingTopic.FILES, record(value=None)),
    "tombstone of a row": (ListingTopic.FILE_ROWS, record(value=None)),
    "result under another key": (ListingTopic.FILES, record_of(result())._replace(key=b"photos/8/image_s3_key")),
    "row under the key of its file": (ListingTopic.FILE_ROWS, record_of(row())._replace(key=b"photos/7/image_s3_key")),
    "result without a key": (ListingTopic.FILES, record_of(result())._replace(key=None)),
    "result of a later format": (ListingTopic.FILES, record_of(result(format=2))),
    "version that is a text": (ListingTopic.FILES, record_of(result(version="7"))),
    "version that is a boolean": (ListingTopic.FILE_ROWS, record_of(row(version=True))),
}


@pytest.mark.parametrize(("topic_type", "wrong"), WRONG.values(), ids=WRONG)
def test_record_that_says_nothing_sensible_is_an_error(topic_type: ListingTopic, wrong: Record) -> None:
    with pytest.raises(RecordError):
        listing_change(topic_type, wrong)


def test_record_of_somebody_elses_topic_changes_nothing() -> None:
    change = listing_change(ListingTopic.FOREIGN, record(value=b"whatever"))
    assert change == Nothing(record(value=b"whatever"), "foreign topic")


def test_document_id_is_table_and_key() -> None:
    assert record_user_id(TableName("public", "rfis"), b"a%20b") == "rfis/a%20b"
    assert record_user_id(TableName("crm", "rfis"), b"1,2") == "crm.rfis/1,2"
