from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Floor
from file_fetcher.intake.file_columns import Columns
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.work import Row
from schemas.envelope import Event
from schemas.errors import RecordError
from schemas.keys import FLOOR_KEY
from schemas.names import TableName
from schemas.tables import FileColumn
from schemas.wire import UnknownSchema
from tests.unit.vespa_sink.events import event

PHOTOS = TableName("public", "photos")
IMAGE = FileColumn("image_s3_key", "s3_key", "*_s3_key")
# A frame with a fingerprint, the letter of the operation and version 99 in Avro's zigzag form.
VALUE = b"\xc3\x01" + b"12345678" + b"\x02c" + b"\xc6\x01"


class _Following:
    """What is known of one table."""

    def __init__(self, columns: Columns | None, found: Event | None = None) -> None:
        self.known = columns
        self.found = found
        self.decoded = 0

    def find(self, table: TableName, fingerprint: bytes) -> Columns | None:
        assert (table, fingerprint) == (PHOTOS, b"12345678")
        return self.known

    def decode(self, value: bytes) -> Event:
        self.decoded += 1
        assert self.found is not None
        return self.found


def _read(following: _Following, key: bytes | None = b"7", value: bytes | None = VALUE, **more: object) -> object:
    record = Record("cdc.public.photos", 4, 5, key, value, 0, **more)  # type: ignore[arg-type]
    return RecordReader(following, following.decode, ("project_id",)).read(PHOTOS, record)  # type: ignore[arg-type]


def test_row_has_its_references() -> None:
    read = _read(_Following((IMAGE,), event(after={"image_s3_key": "a.png"})))
    assert isinstance(read, Row)
    assert [each.key for each in read.references] == ["a.png"]


def test_row_of_a_table_without_file_columns_is_not_decoded() -> None:
    following = _Following(())
    assert _read(following) == Row("photos/7", "public.photos", "photos", 4, 99)
    assert following.decoded == 0


def test_floor_counts_whether_or_not_the_table_has_file_columns() -> None:
    for columns in ((), (IMAGE,)):
        read = _read(_Following(columns, event("t", below_version=50)), FLOOR_KEY)
        assert isinstance(read, Floor)
        assert read.below_version == 50


@pytest.mark.rule("V2")
def test_v2_tombstone_needs_no_schema() -> None:
    read = _read(_Following(None), value=None, headers=(("rowferry.version", b"12"),))
    assert read == Row("photos/7", "public.photos", "photos", 4, 12)


def test_message_is_nothing() -> None:
    assert _read(_Following((IMAGE,), event("m"))) is None


@pytest.mark.rule("P10")
def test_p10_unknown_schema_or_table_is_told() -> None:
    with pytest.raises(UnknownSchema):
        _read(_Following(None))


WRONG = {
    "no frame": (b"7", b"whatever"),
    "empty value": (b"7", b""),
    "no key": (None, VALUE),
    "key that is not ascii": (b"\xff", VALUE),
}


@pytest.mark.parametrize(("key", "value"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("columns", [(), (IMAGE,)], ids=["no file columns", "file columns"])
def test_record_that_says_nothing_sensible_is_an_error(
    key: bytes | None, value: bytes | None, columns: Columns
) -> None:
    with pytest.raises(RecordError):
        _read(_Following(columns, event(after={"image_s3_key": "a"})), key, value)


def test_event_cut_in_its_version_is_an_error() -> None:
    with pytest.raises(RecordError):
        _read(_Following(()), value=VALUE[:13])
