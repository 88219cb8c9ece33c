"""Folders of jars, built once by Maven and kept in the cache under a hash of pom and sources."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from devstack import cache, java
from devstack.cache import Say
from devstack.errors import DevstackError

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Maven writes a few even when told not to
_WIDTH = 300


def folder(
    name: str, project: Path, goals: Callable[[Path], list[str]], finish: Callable[[Path], None], say: Say
) -> Path:
    """
    The folder of the Maven project's jars, built if it is not there.

    ``goals`` gives Maven's arguments for an output folder; ``finish`` may add to that folder.
    Raises DevstackError when Java or Maven are missing or the build fails.
    """
    stamp = cache.stamp([project / "pom.xml", *(project / "src").rglob("*")], project)

    def make(partial: Path) -> None:
        say(f"{name}: fetching and building jars with Maven (once)")
        _build(partial, project, goals)
        finish(partial)

    return cache.folder(name, stamp, make)


def _build(output: Path, project: Path, goals: Callable[[Path], list[str]]) -> None:
    java.java()
    argv = [str(java.maven()), "-q", "-B", "-f", str(project / "pom.xml"), *goals(output)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        log = output.with_suffix(".log")
        log.write_text(result.stdout + result.stderr)
        raise DevstackError(f"mvn failed for {project / 'pom.xml'}: {first_error(result.stdout)} (all: {log})")


def first_error(maven_output: str) -> str:
    """The line of Maven's output that says what went wrong."""
    lines = [_COLOUR.sub("", line) for line in maven_output.splitlines()]
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
    told = next((line for line in errors if line and not line.startswith("COMPILATION ERROR")), "no message")
    return told if len(told) <= _WIDTH else told[: _WIDTH - 3] + "..."
