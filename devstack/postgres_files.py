"""
The home of a PostgreSQL server.

It is the folder with the cluster, and with the programs where the server's user cannot reach the installed ones.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from devstack import users
from devstack.errors import DevstackError
from devstack.postgres_programs import Programs
from devstack.users import User

_INITDB_OPTIONS = ("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


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


def bin_folder(programs: Programs, home_folder: Path, user: User | None) -> Path:
    """The folder of programs that the server's user can run; in the home where that user cannot reach the others."""
    if user is None or users.may_enter(programs.bin_dir, user):
        return programs.bin_dir
    place = home_folder / "programs"
    if not place.exists():
        for part in programs.parts:
            _lend(part, place / part.relative_to(programs.base), user)
    return place / programs.bin_dir.relative_to(programs.base)


def _lend(folder: Path, place: Path, user: User) -> None:
    """The folder at another place: files by a second name if that user may read them, else copied."""

    def lend(source: str, target: str) -> None:
        if Path(source).stat().st_mode & stat.S_IROTH:
            try:
                return os.link(Path(source).resolve(), target)
            except OSError as exc:
                if exc.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                    raise
        shutil.copy2(source, target)
        return os.chown(target, user.uid, user.gid)

    shutil.copytree(folder, place, copy_function=lend, ignore=shutil.ignore_patterns("*.a", "pgxs"), dirs_exist_ok=True)
    for each, _, _ in os.walk(place):
        os.chown(each, user.uid, user.gid)


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


def copy_running(cluster: Path, bin_dir: Path, primary: Mapping[str, str], slot: str, user: User | None) -> None:
    """Make a cluster that is a copy of a running server's, and a slot of that name there for it; raises DevstackError.

    ``primary``: where it is and who asks, as libpq's variables.
    """
    argv = [str(bin_dir / "pg_basebackup"), "-D", str(cluster), "--checkpoint=fast", "--no-sync"]
    argv += ["--create-slot", f"--slot={slot}"]
    result = _run(argv, cluster.parent, user, primary)
    if result.returncode != 0:
        shutil.rmtree(cluster, ignore_errors=True)
        raise DevstackError(f"pg_basebackup failed with exit {result.returncode}: {complaint(result.stderr)}")


def complaint(stderr: str) -> str:
    """The line of a program's errors that says most."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line or "FATAL" in line]
    return (telling or lines or ["no message"])[0]


def _run(
    argv: list[str], cwd: Path, user: User | None, more: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    uid, gid, groups = (None, None, None) if user is None else (user.uid, user.gid, ())
    return subprocess.run(
        argv,
        cwd=cwd,
        env={**_ENVIRONMENT, **more},
        capture_output=True,
        text=True,
        check=False,
        user=uid,
        group=gid,
        extra_groups=groups,
    )
