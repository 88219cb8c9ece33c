from __future__ import annotations

import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from devstack import jars, postgres_programs
from devstack.errors import DevstackError

WITHOUT_CLIENTS = "initdb", "postgres"
WITH_CLIENTS = (*WITHOUT_CLIENTS, "psql")


def installed(root: Path, programs: tuple[str, ...]) -> Path:
    (root / "bin").mkdir(parents=True)
    for name in programs:
        (root / "bin" / name).write_text("")
    return root


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """16 and 18 in the wheel, all of Maven's, 15 and 18 of Debian's."""
    wheel = {version: installed(tmp_path / "wheel" / f"p{version}", WITH_CLIENTS) for version in (16, 18)}
    for version in (15, 18):
        installed(tmp_path / "debian" / str(version), WITH_CLIENTS)
    monkeypatch.setattr(postgres_programs, "in_wheel", lambda: wheel)
    monkeypatch.setattr(postgres_programs, "_DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(
        jars, "folder", lambda name, *_: installed(tmp_path / "maven" / f"{name}-stamp", WITHOUT_CLIENTS)
    )
    return tmp_path


@pytest.mark.parametrize(
    ("version", "origin", "root"),
    [
        (18, None, "wheel/p18"),
        (16, None, "wheel/p16"),
        (17, None, "maven/postgres17-stamp"),
        (15, None, "maven/postgres15-stamp"),
        (18, "maven", "maven/postgres18-stamp"),
        (18, "debian", "debian/18"),
        (15, "debian", "debian/15"),
    ],
)
def test_programs_come_from_the_origin_asked_for_or_the_first_that_has_them(
    places: Path, version: int, origin: str | None, root: str
) -> None:
    found = postgres_programs.find(version, origin)
    assert (found.version, found.root) == (version, places / root)


def test_clients_are_those_of_the_newest_wheel_where_none_came(places: Path) -> None:
    assert postgres_programs.find(17).clients_dir == places / "wheel/p18/bin"
    assert postgres_programs.find(16).clients_dir == places / "wheel/p16/bin"
    assert postgres_programs.find(15, "debian").clients_dir == places / "debian/15/bin"


@pytest.mark.parametrize(
    ("version", "origin", "told"),
    [
        (9, None, "expected one of the PostgreSQL versions [14, 15, 16, 17, 18], got 9"),
        (18, "source", "expected PostgreSQL from one of wheel, maven, debian, got 'source'"),
        (17, "wheel", "expected PostgreSQL 17 from wheel, wheel has [16, 18]"),
        (
            17,
            "debian",
            "expected PostgreSQL 17 from debian, debian has [15, 18]; on Debian: apt-get install postgresql-17",
        ),
    ],
)
def test_what_cannot_be_had_is_one_line(places: Path, version: int, origin: str | None, told: str) -> None:
    with pytest.raises(DevstackError, match=f"^{re.escape(told)}$"):
        postgres_programs.find(version, origin)


def test_contrib_comes_from_maven_and_is_refused_where_there_is_none(places: Path) -> None:
    assert [postgres_programs.contrib_origin(version) for version in (14, 16, 18)] == ["maven"] * 3
    with pytest.raises(
        DevstackError, match=r"^expected one of the PostgreSQL versions \[14, .*\] with contrib, got 9$"
    ):
        postgres_programs.contrib_origin(9)


def test_wal2json_that_is_missing_is_told_with_the_packages(places: Path) -> None:
    assert postgres_programs.no_wal2json() == (
        "expected Debian's wal2json, found none; as root: apt-get install postgresql-15 postgresql-15-wal2json"
    )
    (places / "debian/15/lib").mkdir()
    (places / "debian/15/lib/wal2json.so").write_text("")
    assert postgres_programs.no_wal2json() is None


def test_wheel_holds_the_versions_that_are_promised() -> None:
    assert {16, 18} <= set(postgres_programs.in_wheel())


def test_each_version_of_maven_has_its_profile() -> None:
    profiles = re.findall(r"<id>postgres-(\d+)</id>", (postgres_programs._PROJECT / "pom.xml").read_text())
    assert [int(version) for version in profiles] == list(postgres_programs._PROFILES)


def jar(folder: Path, *names: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as inner:
        for name in ("bin/postgres", "share/postgresql/x.control"):
            inner.addfile(tarfile.TarInfo(name), io.BytesIO())
    with zipfile.ZipFile(folder / "programs.jar", "w") as outer:
        for name in names:
            outer.writestr(name, packed.getvalue())


def test_jar_is_unpacked_in_its_place(tmp_path: Path) -> None:
    jar(tmp_path, "META-INF/MANIFEST.MF", "postgres-linux-x86_64.txz")
    postgres_programs.unpack(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "share"]
    assert (tmp_path / "bin" / "postgres").exists()


@pytest.mark.parametrize("names", [(), ("a.txz", "b.txz")], ids=["none", "two"])
def test_jar_of_another_kind_is_one_line(tmp_path: Path, names: tuple[str, ...]) -> None:
    jar(tmp_path, *names)
    with pytest.raises(DevstackError, match=r"^expected one jar with one \.txz of PostgreSQL's programs in [^\n]+$"):
        postgres_programs.unpack(tmp_path)
