"""Servers that are tied to a process leave nothing behind, however it ends; detached ones are found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import stack
from devstack.errors import DevstackError
from devstack.processes import Identity
from devstack.stack import Wanted
from tests.signals import FOREGROUND, started_in
from tests.waiting import eventually

_ROOT = Path(__file__).parents[3]

_HOST = """
import json, sys
from devstack import stack
started = stack.start(say=lambda line: None)
servers = started.servers.values()
print(json.dumps({
    "pids": [pid for server in servers for pid in server.record.process.tree()],
    "folders": [str(folder) for server in servers for folder in server.folders()],
}), flush=True)
sys.stdin.read()
"""


def devstack(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "devstack", *map(str, arguments)]
    return subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    yield folder
    devstack("down", "--wipe", "--data", folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_tied_servers_are_gone_with_their_data_when_the_parent_is_killed(number: signal.Signals) -> None:
    argv = [sys.executable, "-c", _HOST]
    with started_in(FOREGROUND):
        host = subprocess.Popen(
            argv, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    with host:
        assert host.stdout is not None
        told = json.loads(host.stdout.readline())
        processes = [identity for pid in told["pids"] if (identity := Identity.of(pid)) is not None]
        assert len(processes) >= 3
        assert all(Path(folder).exists() for folder in told["folders"])
        os.kill(host.pid, number)
        host.wait(60)
        eventually(lambda: not any(process.alive() for process in processes), 150, "the end of all servers")
        eventually(lambda: not any(Path(folder).exists() for folder in told["folders"]), 150, "no data left")


def test_up_status_down_and_up_again_with_the_same_data(data: Path) -> None:
    up = devstack("up", "--data", data, "--only", "postgres", "kafka")
    assert up.returncode == 0, up.stderr
    again = devstack("up", "--data", data, "--only", "postgres", "kafka")
    assert again.returncode == 0
    assert again.stdout == up.stdout
    assert [line.split(" on ")[0] for line in again.stderr.splitlines()] == [
        "postgres: already running",
        "kafka: already running",
    ]
    assert states(data) == {"postgres": "running", "kafka": "running", "vespa": "not running", "s3": "not running"}
    found = stack.running(data)
    found.postgres.create_database("kept")
    assert devstack("down", "--data", data).returncode == 0
    assert states(data) == {
        "postgres": "not running",
        "kafka": "not running",
        "vespa": "not running",
        "s3": "not running",
    }
    assert devstack("up", "--data", data, "--only", "postgres").stdout == up.stdout.splitlines(keepends=True)[0]
    with pytest.raises(DevstackError, match=r"cannot create database 'kept': database \"kept\" already exists"):
        stack.running(data).postgres.create_database("kept")


def test_reset_begins_anew(data: Path) -> None:
    first = devstack("up", "--data", data, "--only", "postgres", "--postgres-version", "16")
    assert first.returncode == 0, first.stderr
    stack.running(data).postgres.create_database("gone")
    second = devstack("reset", "--data", data, "--only", "postgres", "--postgres-version", "18")
    assert second.returncode == 0, second.stderr
    server = stack.running(data).postgres
    assert server.version == 18
    server.create_database("gone")


def test_server_that_hangs_is_reported_by_status(data: Path) -> None:
    assert devstack("up", "--data", data, "--only", "postgres").returncode == 0
    server = stack.running(data).postgres
    server.pause()
    try:
        assert states(data)["postgres"] == "not answering"
    finally:
        server.resume()


def test_down_leaves_a_process_alone_that_got_the_recorded_id(data: Path) -> None:
    assert devstack("up", "--data", data, "--only", "postgres").returncode == 0
    assert devstack("down", "--data", data, "--only", "postgres").returncode == 0
    record_file = data / "postgres" / "server.json"
    record = json.loads(record_file.read_text())
    with subprocess.Popen(["sleep", "600"]) as bystander:
        record["process"]["pid"] = bystander.pid
        record_file.write_text(json.dumps(record))
        assert "postgres: was not running" in devstack("down", "--data", data).stderr
        assert bystander.poll() is None
        bystander.kill()


def test_wiped_data_are_gone(data: Path) -> None:
    assert devstack("up", "--data", data, "--only", "postgres").returncode == 0
    folders = stack.running(data).postgres.folders()
    assert devstack("down", "--wipe", "--data", data).returncode == 0
    assert [folder for folder in folders if folder.exists()] == []


def test_when_one_server_cannot_be_had_the_others_are_ended(data: Path, tmp_path: Path) -> None:
    wanted = Wanted(("postgres", "vespa"), vespa_application=tmp_path)
    with pytest.raises(DevstackError, match=r"^vespa did not start: [^\n]*services\.xml"):
        stack.start(data, wanted, say=lambda line: None)
    assert not stack.running(data, ["postgres"]).postgres.alive


def states(data: Path) -> dict[str, str]:
    answer = json.loads(devstack("status", "--json", "--data", data).stdout)
    return {kind: server["state"] for kind, server in answer["servers"].items()}
