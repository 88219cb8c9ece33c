from __future__ import annotations

import os
from pathlib import Path

import pytest

from devstack import users
from devstack.users import User

STRANGER = User("stranger", 65_533, 65_533)
OURSELVES = User("ourselves", os.getuid(), os.getgid())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder under one that others may pass; tmp_path itself is closed to them."""
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o755)
    return inner


def test_stranger_cannot_enter_a_folder_below_a_closed_one(folder: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert not users.may_enter(folder, STRANGER)


def test_owner_may_enter_where_all_folders_above_let_him_pass(folder: Path) -> None:
    for above in folder.parents:
        if above.stat().st_uid == os.getuid() and above != Path("/"):
            assert users.may_enter(above, OURSELVES)


def test_everybody_may_enter_the_root() -> None:
    assert users.may_enter(Path("/"), STRANGER)


def test_private_folder_is_its_users_alone() -> None:
    folder = users.private_folder(OURSELVES, "test")
    try:
        assert folder.stat().st_uid == os.getuid()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert users.may_enter(folder, OURSELVES)
        assert not users.may_enter(folder, STRANGER)
    finally:
        folder.rmdir()


def test_server_runs_as_we_do_unless_we_are_root() -> None:
    user = users.unprivileged()
    assert (user is None) == (os.geteuid() != 0)
    assert user is None or user.uid != 0
