"""
Edge: a store in a folder.

Rules:
1. A file is on the disk before it has its name: written or moved to `tmp` on the same file system, flushed, renamed,
   and the folder flushed. After a power cut it is there whole, or not at all.
2. What was put to last is still there after a power cut: new folders are flushed into those that hold them, whichever
   thread made them. All of that comes last: the first flush writes the file system's journal, the others find little
   to do.
3. What is left in `tmp` of an earlier run goes at the start, once it is a day old: another process may be at work.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from file_fetcher.store.disk import writing
from schemas.errors import Neighbour, SettingsError

_LEFT_OVER_S = 24 * 3600


class LocalStore:
    """Keeps files under a folder, which is made. Raises `SettingsError` when it cannot be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._tmp = self._folder / "tmp"
        self._fresh: set[Path] = set()  # folders that may not be on the disk yet
        try:
            self._tmp.mkdir(parents=True, exist_ok=True)
            _sweep(self._tmp)
        except OSError as exc:
            raise self._unusable(exc) from exc

    def put(self, name: str, path: Path, *, lasting: bool = True) -> str:
        """Keep a file; one of the same name and size stays, another is replaced by this."""
        target = self._folder / name
        with writing():
            if _same_size(target, path):
                path.unlink()
            else:
                self._move(path, target, lasting=lasting)
        return self.uri(name)

    @contextlib.contextmanager
    def get(self, name: str) -> Iterator[Path | None]:
        """The file itself."""
        yield self._folder / name if self.exists(name) else None

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        return (self._folder / name).is_file()

    def uri(self, name: str) -> str:
        """A `file:` URI."""
        return (self._folder / name).as_uri()

    def check(self) -> None:
        """Try to write and remove a file."""
        probe = self._tmp / f"check-{secrets.token_hex(8)}"
        try:
            probe.write_bytes(b"rowferry")
            probe.unlink()
        except OSError as exc:
            raise self._unusable(exc) from exc

    def _move(self, path: Path, target: Path, *, lasting: bool) -> None:
        ready = self._tmp / secrets.token_hex(16)
        try:
            _onto_same_file_system(path, ready)
            _flush(ready)
            fresh = self._make_folder(target.parent)
            ready.replace(target)
        except BaseException:
            ready.unlink(missing_ok=True)
            raise
        if not lasting:
            return
        for folder in (target.parent, *(each.parent for each in fresh)):
            _flush(folder)
        self._fresh.difference_update(fresh)

    def _make_folder(self, folder: Path) -> list[Path]:
        """Make a folder with those above it; returns those that may not be on the disk yet, the innermost first."""
        fresh = []
        while folder in self._fresh or not folder.is_dir():
            fresh.append(folder)
            folder = folder.parent
        self._fresh.update(fresh)
        for each in reversed(fresh):
            each.mkdir(exist_ok=True)
        return fresh

    def _unusable(self, exc: OSError) -> SettingsError:
        return SettingsError(
            f"expected to write to the store in {str(self._folder)!r}: {exc.strerror}",
            neighbour=Neighbour.STORE,
            remedy="set store_url to a folder that the service may write to, or give it the right",
        )


def _onto_same_file_system(path: Path, ready: Path) -> None:
    try:
        path.replace(ready)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        shutil.copyfile(path, ready)
        path.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same_size(target: Path, path: Path) -> bool:
    try:
        return target.stat().st_size == path.stat().st_size
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> None:
    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LEFT_OVER_S:
                left.unlink()
