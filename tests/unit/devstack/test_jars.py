from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from devstack import jars, java
from devstack.errors import DevstackError

MAVEN_OUTPUTS = {
    "unresolved": (
        "\x1b[0m\x1b[0m[ERROR] Failed to execute goal on project x: Could not resolve a:b:jar:0.0.1\n[ERROR] \n"
        "[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.\n",
        "Failed to execute goal on project x: Could not resolve a:b:jar:0.0.1",
    ),
    "compiler": (
        "[ERROR] COMPILATION ERROR : \n[ERROR] /p/X.java:[1,19] incompatible types\n[ERROR] Failed to execute goal\n",
        "/p/X.java:[1,19] incompatible types",
    ),
    "long": ("[ERROR] " + "x" * 400, "x" * 297 + "..."),
    "silent": ("Killed\n", "no message"),
}


@pytest.mark.parametrize(("output", "line"), MAVEN_OUTPUTS.values(), ids=MAVEN_OUTPUTS)
def test_maven_failure_is_told_by_its_first_telling_line(output: str, line: str) -> None:
    assert jars.first_error(output) == line


class Project:
    """A Maven project with a program in Maven's place that notes its runs."""

    def __init__(self, folder: Path, exit_code: int = 0) -> None:
        self.folder = folder / "project"
        (self.folder / "src").mkdir(parents=True)
        (self.folder / "pom.xml").write_text("<project/>")
        self.runs = folder / "runs"
        self.maven = folder / "mvn"
        self.maven.write_text(
            f'#!/bin/sh\necho run >> {self.runs}\nfor last; do :; done\nmkdir -p "$last"\n'
            f"echo '[ERROR] it broke'\nexit {exit_code}\n"
        )
        self.maven.chmod(0o755)
        self.said: list[str] = []

    def build(self) -> Path:
        return jars.folder("thing", self.folder, lambda output: [str(output)], lambda output: None, self.said.append)

    def run_count(self) -> int:
        return len(self.runs.read_text().splitlines())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROWFERRY_DEVSTACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    monkeypatch.setattr(java, "maven", lambda: made.maven)
    return made


def test_folder_is_built_once_for_all_that_ask_at_once(cache: Path, project: Project) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(project.build())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert project.run_count() == 1
    assert len(set(found)) == 1
    assert found[0].parent == cache
    assert project.said == ["thing: fetching and building jars with Maven (once)"]


def test_changed_source_is_built_anew(cache: Path, project: Project) -> None:
    first = project.build()
    (project.folder / "src" / "X.java").write_text("class X {}")
    second = project.build()
    assert first != second
    assert project.run_count() == 2


def test_folder_of_an_older_source_goes_when_it_was_unused_for_days(cache: Path, project: Project) -> None:
    first = project.build()
    long_ago = time.time() - 3 * 24 * 3600
    os.utime(first, (long_ago, long_ago))
    (project.folder / "src" / "X.java").write_text("class X {}")
    second = project.build()
    assert not first.exists()
    assert second.exists()


def test_failed_build_is_one_line_and_leaves_no_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Project(tmp_path / "broken", exit_code=1)
    monkeypatch.setattr(java, "maven", lambda: broken.maven)
    with pytest.raises(DevstackError, match=r"^mvn failed for \S+/pom\.xml: it broke \(all: \S+\.log\)$"):
        broken.build()
    assert [path.name for path in cache.glob("thing-*") if path.is_dir() and path.suffix != ".partial"] == []


def test_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ROWFERRY_DEVSTACK_CACHE", str(tmp_path / "file"))
    with pytest.raises(DevstackError, match="set ROWFERRY_DEVSTACK_CACHE to another folder"):
        project.build()
