from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.nursery import Child, Nursery
from tests.signals import BACKGROUND, FOREGROUND, Disposition, started_in
from tests.waiting import eventually

MODULE = "tests.unit.forked"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def start(nursery: Nursery, log: Path, argument: str, **environment: str) -> Child:
    with log.open("ab") as output:
        return nursery.start(MODULE, [argument], environment, output)


def told(log: Path) -> dict[str, Any]:
    return json.loads(eventually(lambda: log.read_text().splitlines(), what="its first line")[0])


def test_child_has_its_own_arguments_environment_and_folder_and_no_thread(nursery: Nursery, log: Path) -> None:
    child = start(nursery, log, "0", ONE="1")
    assert child.wait(150) == 0
    assert told(log) == {
        "argv": ["0"],
        "environment": {"ONE": "1"},
        "folder": str(Path.cwd()),
        "pid": child.pid,
        "main": MODULE,
        "interrupts": told(log)["interrupts"],
        "threads": 1,
    }


@pytest.mark.parametrize(("argument", "code"), [("3", 3), ("raise", 1), ("no number", 1)])
def test_child_ends_as_a_program_does(nursery: Nursery, log: Path, argument: str, code: int) -> None:
    child = start(nursery, log, argument)
    assert (child.wait(150), child.poll(), child.returncode) == (code, code, code)
    assert ("Traceback" in log.read_text()) is (code == 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_child_that_is_ended_by_a_signal_says_which(nursery: Nursery, log: Path, number: signal.Signals) -> None:
    child = start(nursery, log, "wait")
    told(log)
    assert child.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0)
    child.send_signal(number)
    assert child.wait(150) == -number
    child.kill()  # as Popen: nothing is sent to what has ended


@pytest.mark.parametrize(("disposition", "inherited"), [(FOREGROUND, "int_handler"), (BACKGROUND, "SIG_IGN")])
def test_child_inherits_whether_interrupts_are_ignored(
    nursery: Nursery, log: Path, disposition: Disposition, inherited: str
) -> None:
    with started_in(disposition):
        assert start(nursery, log, "0").wait(150) == 0
    assert inherited in told(log)["interrupts"]


def test_what_one_child_does_to_itself_is_not_in_the_next(nursery: Nursery, tmp_path: Path) -> None:
    start(nursery, tmp_path / "first", "0", ONE="1").wait(150)
    start(nursery, tmp_path / "second", "0", TWO="2").wait(150)
    assert told(tmp_path / "second")["environment"] == {"TWO": "2"}


def test_children_go_with_their_nursery(log: Path) -> None:
    made = Nursery()
    child = start(made, log, "wait")
    told(log)
    made.close()
    eventually(lambda: not Path(f"/proc/{child.pid}").exists() or _zombie(child.pid), what="its end")


def _zombie(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, ProcessLookupError):
        return True
