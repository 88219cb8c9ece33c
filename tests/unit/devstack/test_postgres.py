from __future__ import annotations

from pathlib import Path

import pytest

from devstack import postgres_files
from devstack.errors import DevstackError
from devstack.postgres import PostgresServer, quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [("10s", "'10s'"), (64, "'64'"), ("it's", "'it''s'"), ("a\\b", "'a\\\\b'"), ("", "''")],
    ids=["text", "number", "quote", "backslash", "empty"],
)
def test_setting_is_quoted_for_the_configuration_file(value: str | int, text: str) -> None:
    assert quoted(value) == text


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("creating directory\ninitdb: error: no space\nremoving\n", "initdb: error: no space"),
        ("\nsh: cannot create x: Permission denied\nchild exited\n", "sh: cannot create x: Permission denied"),
        ("", "no message"),
    ],
    ids=["error", "another line", "silent"],
)
def test_line_that_says_most_is_told(stderr: str, told: str) -> None:
    assert postgres_files.complaint(stderr) == told


def test_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, 16)
    server.record.save(tmp_path)
    with pytest.raises(DevstackError, match=r"is PostgreSQL 16's, asked was for 18; reset it$"):
        PostgresServer(tmp_path, 18)
    assert PostgresServer(tmp_path).version == 16


def test_folder_of_another_origin_is_refused(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, 16, origin="maven")
    server.record.save(tmp_path)
    with pytest.raises(DevstackError, match=r"is PostgreSQL maven's, asked was for wheel; reset it$"):
        PostgresServer(tmp_path, 16, origin="wheel")
    assert PostgresServer(tmp_path).origin == "maven"


def test_password_is_random_and_stays_with_the_folder(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "a")
    server.record.save(server.folder)
    assert PostgresServer(tmp_path / "a").superuser_password == server.superuser_password
    assert PostgresServer(tmp_path / "b").superuser_password != server.superuser_password
