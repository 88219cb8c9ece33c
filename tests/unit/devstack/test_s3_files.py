from __future__ import annotations

import json
from pathlib import Path

from devstack.s3_files import StoredObject, lay_down


def test_object_lies_under_its_encoded_key_with_its_description(tmp_path: Path) -> None:
    source = tmp_path / "content"
    source.write_bytes(b"x")
    lay_down(tmp_path / "data", "files", [StoredObject("../ä b/c.pdf", source, 1, "abc", "application/pdf")])
    folder = tmp_path / "data" / "000000000000" / "files" / ".ministack-keys"
    name = "%2E%2E%2F%C3%A4%20b%2Fc%2Epdf"
    assert sorted(path.name for path in folder.iterdir()) == [name, f"{name}.meta.json"]
    assert (folder / name).read_bytes() == b"x"
    described = json.loads((folder / f"{name}.meta.json").read_text())
    assert (described["key"], described["etag"], described["size"]) == ("../ä b/c.pdf", '"abc"', 1)


def test_file_is_shared_with_its_source(tmp_path: Path) -> None:
    source = tmp_path / "content"
    source.write_bytes(b"x")
    stored = [StoredObject(key, source, 1, "abc", "text/plain") for key in ("a", "b", "k" * 1024)]
    lay_down(tmp_path / "data", "files", stored)
    assert source.stat().st_nlink == 4
