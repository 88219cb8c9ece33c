from __future__ import annotations

from pathlib import Path

import pytest

from devstack import java
from devstack.errors import DevstackError

VERSIONS = {
    "debian": ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17)', 17),
    "bare": ('openjdk version "21" 2023-09-19', 21),
    "old": ('java version "1.8.0_362"', 8),
    "nonsense": ("command not found", None),
}


@pytest.fixture(autouse=True)
def _asked_anew():
    java.java.cache_clear()
    yield
    java.java.cache_clear()


@pytest.mark.parametrize(("output", "major"), VERSIONS.values(), ids=VERSIONS)
def test_major_version_is_read(output: str, major: int | None) -> None:
    assert java.major(output) == major


def test_missing_java_is_one_line_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        DevstackError, match=r"^expected java 17 or newer, found none; on Debian: apt-get install [^\n]+$"
    ):
        java.java()


def test_old_java_is_one_line_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(DevstackError, match=r"^expected java 17 or newer, got 11 from [^\n]+$"):
        java.java()


def test_missing_maven_is_one_line_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DevstackError, match=r"^expected mvn \(Maven 3\.8 or newer\)[^\n]+ on Debian: apt-get install"):
        java.maven()
