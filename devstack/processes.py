"""
Processes of servers: tied to this process or detached from it, and told apart from others.

A process is known by its id together with its start time, so that an id which the kernel gave to
another process since is never signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.errors import DevstackError
from devstack.users import User

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_POLL_S = 0.01
_KILL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, and no other that may get the same id later."""

    pid: int
    started: str  # boot id and start in clock ticks since boot

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process that has this id now, or None when none has, or it has ended."""
        fields = _stat_fields(pid)
        if fields is None or _is_over(fields):
            return None
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return cls(pid, f"{boot_id}/{fields[19]}")

    def alive(self) -> bool:
        """Whether it still runs (or is stopped by a signal); a zombie does not."""
        return Identity.of(self.pid) == self

    def tree(self) -> list[int]:
        """Its id and those of all its descendants."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))) is not None:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.pid]
        for pid in found:
            found.extend(children.get(pid, ()))
        return found

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self.alive():
            _signal(self.pid, number)

    def signal_tree(self, number: int) -> None:
        """Send a signal to it and to all its descendants; nothing happens when it has ended."""
        if self.alive():
            for pid in self.tree():
                _signal(pid, number)

    def kill_tree(self) -> None:
        """SIGKILL for it and all its descendants; returns when it is gone."""
        if not self.alive():
            return
        _signal(self.pid, signal.SIGSTOP)  # it starts no further child while they are counted
        pids = self.tree()
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        children = [child for pid in pids[1:] if (child := Identity.of(pid)) is not None]
        for process in (self, *children):
            if not process.wait(_KILL_TIMEOUT_S):
                raise DevstackError(f"process {process.pid} does not end after SIGKILL")

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has ended; False when it has not by then."""
        deadline = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: everything is given, nothing comes from this process's own environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: dict[str, str]
    log: Path  # standard output and standard error are added to it
    user: User | None = None  # None: as whom this process runs


class Process:
    """
    A server's process, which may be started again after it has ended.

    Tied: it ends when this process does, however that ends, and the folders named by
    ``remove_at_end`` are removed then. Detached: it lives on.
    """

    def __init__(self, *, tied: bool, end_signal: int, identity: Identity | None = None) -> None:
        self.identity = identity
        self.tied = tied
        self._end_signal = end_signal
        self._remove: list[Path] = []
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self.identity is not None and self.identity.alive()

    def remove_at_end(self, *folders: Path) -> None:
        """Name the folders that go with a tied process at its end."""
        self._remove = list(folders)
        self._ask({"remove": [str(folder.absolute()) for folder in folders]})

    def start(self, command: Command) -> Identity:
        """Start it and return at once; raises DevstackError when it cannot be run."""
        run = {
            "argv": list(command.argv),
            "cwd": str(command.cwd),
            "env": command.env,
            "log": str(command.log),
            "uid": command.user.uid if command.user else None,
            "gid": command.user.gid if command.user else None,
            "death_signal": self._end_signal if self.tied else 0,
        }
        answer = self._ask({"run": run})
        if "pid" not in answer:
            raise DevstackError(f"cannot run {command.argv[0]}: {answer.get('error', 'its supervisor ended')}")
        identity = Identity.of(answer["pid"]) or Identity(answer["pid"], "ended at once")
        self.identity = identity
        if not self.tied:
            self._ask({"leave": True})
            self._close_supervisor()
        return identity

    def stop(self, number: int, timeout_s: float) -> None:
        """End it by a signal, by SIGKILL when that takes too long; its folders stay."""
        if not self.end_in_order(number, timeout_s) and self.identity is not None:
            self.identity.kill_tree()

    def end_in_order(self, number: int, timeout_s: float) -> bool:
        """Send a signal and wait until it has ended; False when it has not by then, and goes on."""
        if self.identity is None:
            return True
        self.identity.signal(number)
        self.identity.signal_tree(signal.SIGCONT)
        return self.identity.wait(timeout_s)

    def close(self) -> None:
        """End it at once, with its supervisor; named folders are removed. May be called twice."""
        if self._supervisor is None and self.identity is not None:
            self.stop(self._end_signal, _KILL_TIMEOUT_S)
        self._close_supervisor()

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        supervisor = self._supervisor = self._supervisor or self._start_supervisor()
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        try:
            supervisor.stdin.write(json.dumps(message).encode() + b"\n")
            supervisor.stdin.flush()
            answer: dict[str, Any] = json.loads(supervisor.stdout.readline() or b"{}")
        except BrokenPipeError:
            return {}
        return answer

    def _start_supervisor(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(int(self._end_signal)), str(os.getpid())]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", start_new_session=True)

    def _close_supervisor(self) -> None:
        if self._supervisor is None:
            return
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        self._supervisor.stdin.close()
        self._supervisor.wait()
        self._supervisor.stdout.close()
        self._supervisor = None


def _is_over(fields: list[str]) -> bool:
    """A zombie is over, unless threads of it still hold its ports."""
    state, threads = fields[0], int(fields[17])
    return state in ("Z", "X") and threads <= 1


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, or None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
