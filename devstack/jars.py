"""
Folders of jars, built once by Maven and shared by all runs of this user.

A folder's name carries the hash of its pom and sources. It is built beside its place and moved
there when complete, under a lock, so that processes which ask at once build it once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack import java
from devstack.errors import DevstackError

Say = Callable[[str], None]

_CACHE_VARIABLE = "ROWFERRY_DEVSTACK_CACHE"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Maven writes a few even when told not to
_WIDTH = 300
_UNUSED_FOR_S = 24 * 3600  # folders of older sources may still serve a running server


def cache_dir() -> Path:
    """The folder for all that is built: ROWFERRY_DEVSTACK_CACHE, or ~/.cache/rowferry."""
    named = os.environ.get(_CACHE_VARIABLE)
    return Path(named).absolute() if named else Path("~/.cache/rowferry").expanduser()


def folder(
    name: str, project: Path, goals: Callable[[Path], list[str]], finish: Callable[[Path], None], say: Say
) -> Path:
    """
    The folder of the Maven project's jars, built if it is not there.

    ``goals`` gives Maven's arguments for an output folder; ``finish`` may add to that folder.
    Raises DevstackError when Java or Maven are missing or the build fails.
    """
    place = cache_dir() / f"{name}-{_stamp(project)}"
    if not place.exists():
        with _locked(name):
            if not place.exists():
                say(f"{name}: fetching and building jars with Maven (once)")
                _build(place, project, goals, finish)
                _prune(name, place)
    os.utime(place)
    return place


def make_once(name: str, file: Path, make: Callable[[], None]) -> None:
    """Let ``make`` make the file if it is not there, in one process while others that ask wait for it."""
    if not file.exists():
        with _locked(f"{name}-once"):
            if not file.exists():
                make()


def _build(place: Path, project: Path, goals: Callable[[Path], list[str]], finish: Callable[[Path], None]) -> None:
    java.java()
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    argv = [str(java.maven()), "-q", "-B", "-f", str(project / "pom.xml"), *goals(partial)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        log = place.with_name(f"{place.name}.log")
        log.write_text(result.stdout + result.stderr)
        raise DevstackError(f"mvn failed for {project / 'pom.xml'}: {first_error(result.stdout)} (all: {log})")
    finish(partial)
    partial.rename(place)


def first_error(maven_output: str) -> str:
    """The line of Maven's output that says what went wrong."""
    lines = [_COLOUR.sub("", line) for line in maven_output.splitlines()]
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
    told = next((line for line in errors if line and not line.startswith("COMPILATION ERROR")), "no message")
    return told if len(told) <= _WIDTH else told[: _WIDTH - 3] + "..."


def _stamp(project: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted([project / "pom.xml", *(project / "src").rglob("*")]):
        if file.is_file():
            digest.update(f"{file.relative_to(project)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _prune(name: str, kept: Path) -> None:
    for other in cache_dir().glob(f"{name}-*"):
        if other != kept and time.time() - other.stat().st_mtime > _UNUSED_FOR_S:
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        lock = (cache_dir() / f"{name}.lock").open("a")
    except OSError as exc:
        raise DevstackError(
            f"cannot write to the cache {cache_dir()}: {exc.strerror}; set {_CACHE_VARIABLE} to another folder"
        ) from exc
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
