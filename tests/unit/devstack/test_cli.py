from __future__ import annotations

import json
from pathlib import Path

import pytest

from devstack.cli import main


def test_status_of_an_unused_folder_says_not_running_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    assert main(["status", "--data", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "postgres  not running",
        "kafka     not running",
        "vespa     not running",
        "s3        not running",
    ]
    assert not folder.exists()


def test_status_as_json_names_each_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--data", str(tmp_path), "--only", "kafka", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "data": str(tmp_path),
        "servers": {"kafka": {"state": "not running", "address": None}},
    }


def test_down_of_servers_that_do_not_run_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "postgres: was not running",
        "kafka: was not running",
        "vespa: was not running",
        "s3: was not running",
    ]


def test_error_is_one_line_and_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "server.json").write_text("nonsense")
    assert main(["up", "--data", str(tmp_path), "--only", "postgres"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("devstack: cannot read ")


@pytest.mark.parametrize(
    "arguments",
    [[], ["dance"], ["up", "--only", "mysql"], ["up", "--postgres-version", "9"], ["status", "--wipe"]],
    ids=["none", "command", "server", "version", "option"],
)
def test_wrong_arguments_are_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
