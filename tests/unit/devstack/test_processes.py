from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.processes import Command, Identity, Process
from tests.signals import BACKGROUND, FOREGROUND, Disposition, started_in
from tests.waiting import eventually

_SLEEPER = "import time; time.sleep(600)"
_FAMILY = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {_SLEEPER!r}]).wait()"


def command(folder: Path, program: str) -> Command:
    return Command((sys.executable, "-c", program), folder, {}, folder / "log")


@pytest.fixture(params=[True, False], ids=["tied", "detached"])
def process(request: pytest.FixtureRequest):
    made = Process(tied=request.param, end_signal=signal.SIGKILL)
    yield made
    made.close()


def test_process_is_known_by_its_start_time_too() -> None:
    ourselves = Identity.of(os.getpid())
    assert ourselves is not None
    assert ourselves.alive()
    assert not Identity(ourselves.pid, "another-boot/1").alive()


def test_recycled_id_is_never_signalled() -> None:
    with subprocess.Popen([sys.executable, "-c", _SLEEPER]) as other:
        stale = Identity(other.pid, "another-boot/1")
        stale.signal(signal.SIGKILL)
        stale.signal_tree(signal.SIGKILL)
        stale.kill_tree()
        assert other.poll() is None
        other.kill()


def test_ended_child_does_not_count_as_alive_before_it_is_reaped() -> None:
    with subprocess.Popen(["true"]) as child:
        identity = Identity.of(child.pid)
        eventually(lambda: Identity.of(child.pid) is None, 60, "the end of the child")
        assert identity is None or not identity.alive()


def test_output_goes_to_the_log(process: Process, tmp_path: Path) -> None:
    process.start(command(tmp_path, "print('hello')"))
    eventually(lambda: (tmp_path / "log").read_text() == "hello\n", 60, "output in the log")


@pytest.mark.parametrize("disposition", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
def test_process_ignores_no_signal_because_we_do(process: Process, tmp_path: Path, disposition: Disposition) -> None:
    grep = shutil.which("grep")
    assert grep is not None
    with started_in(disposition):
        process.start(Command((grep, "SigIgn", "/proc/self/status"), tmp_path, {}, tmp_path / "log"))
    log = tmp_path / "log"
    told = eventually(lambda: "\n" in (text := log.read_text()) and text, 60, "its signals")
    ignored = int(told.removeprefix("SigIgn:"), 16)
    # 32 and 33 are glibc's own, which no program can set; make starts its recipes with 32 ignored.
    assert [number for number in range(1, 65) if ignored >> (number - 1) & 1 and number not in (32, 33)] == []


def test_kill_ends_the_descendants_too(process: Process, tmp_path: Path) -> None:
    identity = process.start(command(tmp_path, _FAMILY))
    eventually(lambda: len(identity.tree()) == 2, 60, "a child")
    family = [Identity.of(pid) for pid in identity.tree()]
    identity.kill_tree()
    assert [member.alive() for member in family if member] == [False, False]
    assert not process.alive


def test_process_can_be_started_again_after_its_end(process: Process, tmp_path: Path) -> None:
    first = process.start(command(tmp_path, _SLEEPER))
    process.stop(signal.SIGTERM, 10)
    assert not first.alive()
    second = process.start(command(tmp_path, _SLEEPER))
    assert process.alive
    assert first != second


def test_process_that_ignores_the_signal_is_killed(process: Process, tmp_path: Path) -> None:
    program = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {_SLEEPER}"
    process.start(command(tmp_path, program))
    eventually(lambda: (tmp_path / "log").read_text() == "deaf\n", 60, "the program")
    process.stop(signal.SIGTERM, 0.1)
    assert not process.alive


def test_program_that_cannot_be_run_is_one_line(process: Process, tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match=r"^cannot run /no/such/program: .*No such file or directory"):
        process.start(Command(("/no/such/program",), tmp_path, {}, tmp_path / "log"))


def test_closing_a_tied_process_ends_it_and_removes_its_folders(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    tied = Process(tied=True, end_signal=signal.SIGKILL)
    tied.remove_at_end(folder)
    identity = tied.start(command(folder, _SLEEPER))
    tied.close()
    tied.close()
    assert not identity.alive()
    assert not folder.exists()


def test_supervisor_that_is_killed_takes_its_process_along(tmp_path: Path) -> None:
    tied = Process(tied=True, end_signal=signal.SIGKILL)
    identity = tied.start(command(tmp_path, _SLEEPER))
    parent = int(Path(f"/proc/{identity.pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: not identity.alive(), 60, "the end of the process")
    tied.close()
