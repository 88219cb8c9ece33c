"""
What is built once and shared by all runs of this user: folders of jars, virtual environments, sample objects.

A folder's name carries a stamp of what it is made from. It is built beside its place and moved there when
complete, under a lock, so that processes which ask at once build it once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import DevstackError

Say = Callable[[str], None]

_VARIABLE = "ROWFERRY_DEVSTACK_CACHE"
_UNUSED_FOR_S = 24 * 3600  # folders of older sources may still serve a running server


def directory() -> Path:
    """The folder for all that is built: ROWFERRY_DEVSTACK_CACHE, or ~/.cache/rowferry."""
    named = os.environ.get(_VARIABLE)
    return Path(named).absolute() if named else Path("~/.cache/rowferry").expanduser()


def folder(name: str, stamp: str, make: Callable[[Path], None]) -> Path:
    """
    The folder of that name and stamp; ``make`` is given a path to make it at, where it is not there.

    Folders of other stamps go when no one has asked for them for a day. Raises DevstackError when the cache
    cannot be written, and what ``make`` raises.
    """
    place = directory() / f"{name}-{stamp}"
    if not place.exists():
        with _locked(name):
            if not place.exists():
                partial = place.with_name(f"{place.name}.partial")
                shutil.rmtree(partial, ignore_errors=True)
                make(partial)
                partial.rename(place)
                _prune(name, place)
    os.utime(place)
    return place


def make_once(name: str, file: Path, make: Callable[[], None]) -> None:
    """Let ``make`` make the file if it is not there, in one process while others that ask wait for it."""
    if not file.exists():
        with _locked(f"{name}-once"):
            if not file.exists():
                make()


def stamp(files: Iterable[Path], root: Path, *more: str) -> str:
    """A short hash of the files, of their places below ``root``, and of what else matters; folders do not count."""
    digest = hashlib.sha256()
    for file in sorted(files):
        if file.is_file():
            digest.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    for text in more:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()[:12]


def _prune(name: str, kept: Path) -> None:
    for other in directory().glob(f"{name}-*"):
        if other != kept and time.time() - other.stat().st_mtime > _UNUSED_FOR_S:
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    try:
        directory().mkdir(parents=True, exist_ok=True)
        lock = (directory() / f"{name}.lock").open("a")
    except OSError as exc:
        raise DevstackError(
            f"cannot write to the cache {directory()}: {exc.strerror}; set {_VARIABLE} to another folder"
        ) from exc
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
