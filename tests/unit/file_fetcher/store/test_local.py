from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from file_fetcher.failures import Blocked
from file_fetcher.settings import S3Settings
from file_fetcher.store.bucket import BucketStore
from file_fetcher.store.disk import FREE_SPACE
from file_fetcher.store.local import LocalStore
from file_fetcher.store.opening import open_store
from file_fetcher.store.protocol import extraction_name, object_name
from schemas.errors import SettingsError


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store")


def fill(tmp_path, content: bytes = b"beam") -> Path:
    path = tmp_path / "download"
    path.write_bytes(content)
    return path


def test_names_are_spread_over_folders():
    sha256 = "abcd" + "0" * 60
    assert object_name(sha256) == f"objects/ab/{sha256}"
    assert extraction_name(sha256, "pdf-1", "meta.json") == f"extractions/ab/{sha256}.pdf-1.meta.json"


def test_file_replaces_one_of_another_size(store, tmp_path):
    store.put("objects/a", fill(tmp_path, b"be"))
    store.put("objects/a", fill(tmp_path, b"beam"))
    with store.get("objects/a") as path:
        assert path.read_bytes() == b"beam"


@pytest.mark.remedy("and of store_url where that is a folder")
def test_nothing_is_left_of_a_file_that_cannot_be_kept_until_there_is_space(store, tmp_path, monkeypatch):
    in_the_way = tmp_path / "in the way"
    in_the_way.touch()
    flush = os.fsync

    def full(descriptor: int) -> None:
        if in_the_way.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Blocked) as raised:
        store.put("objects/a", fill(tmp_path))
    assert (raised.value.reason, raised.value.remedy) == ("storage_full", FREE_SPACE)
    assert not store.exists("objects/a")
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
    in_the_way.unlink()
    store.put("objects/a", fill(tmp_path))
    assert store.exists("objects/a")


def test_file_is_on_the_disk_before_it_has_its_name(store, tmp_path, monkeypatch):
    seen = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path / "store")
        seen.append((str(name.parent), store.exists("objects/a")))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    store.put("objects/a", fill(tmp_path))
    assert seen == [("tmp", False), (".", True), (".", True)]  # the file, `objects`, the folder that holds it


def test_folder_that_another_thread_made_is_flushed_with_the_file(store, tmp_path, monkeypatch):
    flush, inner, seen = os.fsync, [], []

    def watched(descriptor: int) -> None:
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path / "store"))
        if name == "objects/ab" and not inner:  # the first file has its name, its folders are not on the disk yet
            inner.append(name)
            store.put("objects/ab/2", fill(tmp_path, b"second"))
            inner.extend(seen)
            seen.clear()
        seen.append(name)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    store.put("objects/ab/1", fill(tmp_path, b"first"))
    assert inner[-3:] == ["objects/ab", "objects", "."]
    store.put("objects/ab/3", fill(tmp_path, b"third"))
    assert seen[-2:] != ["objects", "."]
    assert seen[-1] == "objects/ab"


def test_file_from_another_file_system_is_copied(store, tmp_path, monkeypatch):
    replace = Path.replace

    def across(path: Path, target: Path) -> Path:
        if path.name == "download":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", across)
    path = fill(tmp_path)
    store.put("objects/a", path)
    assert not path.exists()
    with store.get("objects/a") as kept:
        assert kept.read_bytes() == b"beam"


def test_leftovers_go_at_the_start_once_they_are_old(store, tmp_path):
    old, new = (tmp_path / "store" / "tmp" / name for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"")
    os.utime(old, (0, 0))
    LocalStore(tmp_path / "store")
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.remedy("set store_url to a folder that the service may write to, or give it the right")
def test_folder_that_cannot_be_made_is_a_problem_of_the_settings(tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(SettingsError, match="expected to write to the store") as raised:
        LocalStore(tmp_path / "store")
    assert str(raised.value.remedy).startswith("set store_url to a folder that the service may write to")
    LocalStore(tmp_path / "another").check()


def test_check_tells_when_the_folder_went(store, tmp_path):
    (tmp_path / "store" / "tmp").rmdir()
    with pytest.raises(SettingsError):
        store.check()


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("", "file://{data}/store/objects/a"),
        ("{data}/kept", "file://{data}/kept/objects/a"),
        ("file://{data}/k%20ept", "file://{data}/k%20ept/objects/a"),
        ("s3://files/some/prefix/", "s3://files/some/prefix/objects/a"),
        ("s3://files", "s3://files/objects/a"),
    ],
)
def test_url_says_which_store(tmp_path, url, uri):
    store = open_store(url.format(data=tmp_path), tmp_path, S3Settings(region="us-east-1"))
    assert store.uri("objects/a") == uri.format(data=tmp_path)
    assert isinstance(store, BucketStore if url.startswith("s3") else LocalStore)


@pytest.mark.parametrize("url", ["https://files.example.com/a", "s3://", "file://host/folder"])
def test_other_urls_are_refused(tmp_path, url):
    with pytest.raises(SettingsError):
        open_store(url, tmp_path, S3Settings())
