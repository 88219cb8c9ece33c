from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.demo import kept
from devstack.demo.services import Service
from devstack.errors import DevstackError
from devstack.processes import Identity

SLEEPS = "import signal; print('up', flush=True); signal.pause()"


class Sleeper(Service):
    """A service that only waits."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        super().__init__("cdc-reader", "none", log, tied=False)
        self._process.identity = Identity.of(process.pid)


def test_settings_are_read_back_by_a_shell_and_by_nobody_else(tmp_path: Path) -> None:
    value = "postgresql://u:it's $HOME `x`@h/d"

    path = kept.write_settings(tmp_path, {"ROWFERRY_DATABASE_URL": value})

    shell = subprocess.run(
        ["sh", "-c", f'. {path}; printf %s "$ROWFERRY_DATABASE_URL"'], capture_output=True, text=True, check=True
    )
    assert shell.stdout == value
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_ended_where_no_demo_was(tmp_path: Path) -> None:
    assert kept.end(tmp_path / "none") == []


def test_service_that_is_remembered_is_refused_then_ended(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        kept.remember(tmp_path, [Sleeper(process, tmp_path / "cdc-reader.log")])
        (tmp_path / "cdc-reader.log").write_text("x")

        with pytest.raises(DevstackError, match="a demo runs already"):
            kept.refuse_if_running(tmp_path)
        assert kept.end(tmp_path) == ["cdc-reader"]

    assert process.returncode == -signal.SIGTERM
    assert not tmp_path.exists()


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    kept.write_settings(tmp_path, {})
    kept.files_folder(tmp_path).mkdir()
    (kept.files_folder(tmp_path) / "references.sqlite").write_text("x")

    kept.end(tmp_path)

    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_state_of_another_format_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text('{"format": 99, "services": {}}')

    with pytest.raises(DevstackError, match="another format"):
        kept.end(tmp_path)


def test_end_command_names_the_folder_where_it_is_not_the_usual_one(tmp_path: Path) -> None:
    assert kept.end_command(kept.DEFAULT_DATA) == "make demo-down"
    assert kept.end_command(Path("/x/a b")) == "python -m devstack.demo down --data '/x/a b'"
