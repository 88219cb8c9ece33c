from __future__ import annotations

import io
import zipfile

import pytest

from file_fetcher.parsers.archives import zip_members


def archive(names, comment=b""):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name in names:
            file.writestr(name, "")
        file.comment = comment
    return target.getvalue()


def test_names_are_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(archive(["a", "xl/workbook.xml"], comment=b"made by hand" * 100))
    assert zip_members(path) == ("a", "xl/workbook.xml")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", archive(["a"])[:-30], archive(["a"])[:40]], ids=range(4))
def test_damaged_archive_has_no_names(tmp_path, content):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert zip_members(path) == ()


def test_archive_with_a_huge_list_of_names_is_not_opened(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(archive([f"{number:0>1000}" for number in range(1_100)]))
    assert zip_members(path) == ()
