from __future__ import annotations

import stat
from pathlib import Path

import pytest

from devstack import records
from devstack.errors import DevstackError
from devstack.processes import Identity
from devstack.records import Record


def test_record_is_read_as_it_was_saved(tmp_path: Path) -> None:
    record = Record("postgres", [5432], Identity(12, "boot/34"), {"password": "x", "version": 18})
    record.save(tmp_path)
    assert Record.load(tmp_path) == record


def test_record_with_its_password_is_for_its_owner_only(tmp_path: Path) -> None:
    Record("postgres", details={"password": "x"}).save(tmp_path)
    assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600


def test_unused_folder_has_no_record(tmp_path: Path) -> None:
    assert Record.load(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": 2}', '{"format": 1, "kind": "kafka", "process": 3}', '{"format": 1, "x": 1}'],
)
def test_broken_record_is_one_line_with_the_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_text(content)
    with pytest.raises(
        DevstackError, match=rf"^cannot read {tmp_path}/server\.json [^\n]+; remove {tmp_path} to begin again$"
    ):
        Record.load(tmp_path)


def test_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_LEAST_FREE_BYTES", 1 << 60)
    with pytest.raises(DevstackError, match=r"^expected 1099511627776 MiB of free disk for [^\n]+; make room$"):
        records.prepare(tmp_path / "data")


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DevstackError, match=rf"^cannot make the data folder {tmp_path}/file/data: Not a directory$"):
        records.prepare(tmp_path / "file" / "data")
