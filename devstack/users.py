"""
Whom a server runs as, and where that user may keep files.

PostgreSQL refuses to run as root, so root runs it as an ordinary user. That user's folder lies
where it can be reached; the folders above are never opened wider for it.
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError

# An account of every Debian; any other without rights does as well.
_PREFERRED = "nobody"


@dataclass(frozen=True, slots=True)
class User:
    """An account without rights of its own."""

    name: str
    uid: int
    gid: int


def unprivileged() -> User | None:
    """The user to run a server as, or None when this process is not root and may run it itself."""
    if os.geteuid() != 0:
        return None
    accounts = sorted(
        (entry for entry in pwd.getpwall() if entry.pw_uid != 0), key=lambda entry: entry.pw_name != _PREFERRED
    )
    if not accounts:
        raise DevstackError(
            f"postgres does not run as root: expected a user like {_PREFERRED!r}, found none; create one"
        )
    return User(accounts[0].pw_name, accounts[0].pw_uid, accounts[0].pw_gid)


def may_enter(folder: Path, user: User) -> bool:
    """Whether the user can pass through the folder and all those above it."""
    folder = folder.resolve()
    return all(_passable(each.stat(), user) for each in (folder, *folder.parents))


def _passable(status: os.stat_result, user: User) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def private_folder(user: User, purpose: str) -> Path:
    """A new folder that only the user can open, outside of any folder of root's."""
    for base in (Path("/var/tmp"), Path(tempfile.gettempdir()), Path("/tmp")):
        if base.is_dir() and may_enter(base, user):
            folder = Path(tempfile.mkdtemp(prefix=f"rowferry-{purpose}-", dir=base))
            os.chown(folder, user.uid, user.gid)
            return folder
    raise DevstackError(f"expected a folder that user {user.name!r} can enter, neither /var/tmp nor /tmp is one")


def give(path: Path, user: User) -> None:
    """Make the user the owner of the path and of all below it."""
    os.chown(path, user.uid, user.gid, follow_symlinks=False)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, user.uid, user.gid, follow_symlinks=False)
