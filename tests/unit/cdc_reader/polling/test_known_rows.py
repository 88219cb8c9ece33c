"""The list of what a topic holds follows the topic, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cdc_reader.polling.known_rows import KnownRows
from cdc_runtime.consuming.records import Record
from schemas.errors import FatalError
from schemas.keys import FLOOR_KEY
from schemas.row_digests import HEADER_DIGEST


@pytest.fixture
def known(tmp_path: Path) -> Iterator[KnownRows]:
    with closing(KnownRows(tmp_path / "rows.sqlite")) as rows:
        yield rows


def event(version: int) -> bytes:
    """As much of an event as its version is read from."""
    raw, out = version << 1, b""
    while raw > 0x7F:
        raw, out = raw >> 7, out + bytes([raw & 0x7F | 0x80])
    return b"\xc3\x01" + b"f" * 8 + b"\x02u" + out + bytes([raw])


def record(key: bytes, version: int | None, digest: bytes | None = None) -> Record:
    headers = () if digest is None else ((HEADER_DIGEST, digest),)
    return Record("t", 0, 0, key, None if version is None else event(version), 0, headers)


@pytest.mark.rule("L1")
def test_l1_rows_are_compared_by_what_the_topic_says_last(known: KnownRows) -> None:
    known.take([record(b"1", 5, b"x"), record(b"2", 6, b"y"), record(b"3", 7), record(b"1", 8, b"z")], {0: 4})
    rows = [(b"1", b"z"), (b"1", b"x"), (b"2", b"y"), (b"3", b"?"), (b"4", b"?")]
    # Streamed rows tell no digest: they are published once more.
    assert known.compare(rows, poll=1) == [False, True, False, True, None]
    assert known.count() == 3


@pytest.mark.rule("L1")
def test_l1_a_tombstone_and_a_sweep_take_rows_out(known: KnownRows) -> None:
    known.take([record(b"1", 5), record(b"2", 300), record(b"3", 301), record(b"3", None)], {0: 4})
    known.take([record(FLOOR_KEY, 400)], {0: 5})
    known.forget_below(300)
    assert known.compare([(b"1", b""), (b"2", b""), (b"3", b"")], poll=1) == [None, True, None]


@pytest.mark.rule("L1")
def test_l1_keys_that_a_poll_has_not_seen_are_missing(known: KnownRows) -> None:
    known.take([record(b"%d" % n, 1) for n in range(1_200)], {0: 1_200})
    known.compare([(b"%d" % n, b"") for n in range(0, 1_200, 2)], poll=3)
    known.seen([b"1"], poll=3)
    assert known.missing(3) == 599
    first = known.missing_keys(3, None, 500)
    rest = known.missing_keys(3, first[-1], 500)
    assert sorted(first + rest) == sorted(b"%d" % n for n in range(3, 1_200, 2))
    assert known.missing_keys(3, rest[-1], 500) == []
    assert known.missing(4) == 1_200


def test_offsets_outlive_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    with closing(KnownRows(path)) as rows:
        assert rows.next_offsets() == {}
        rows.take([record(b"1", 5)], {0: 1, 1: -2})
    with closing(KnownRows(path)) as rows:
        assert (rows.next_offsets(), rows.count()) == ({0: 1, 1: -2}, 1)


def test_an_event_that_cannot_be_read_is_older_than_any(known: KnownRows) -> None:
    known.take([Record("t", 0, 0, b"1", b"?", 0), Record("t", 0, 1, None, b"?", 0)], {0: 2})
    known.forget_below(1)
    assert known.count() == 0


def test_a_folder_that_is_gone_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(FatalError) as caught:
        KnownRows(tmp_path / "gone" / "rows.sqlite")
    assert caught.value.remedy == "give `polling.directory` a folder with room that the reader may write to"
