"""
Minds one server for a process that may be killed at any moment.

Run as a script (``python -I -S supervisor.py``), standard library only, never imported. Each line
on standard input is a JSON object; each is answered by one line on standard output:

* ``{"run": {"argv", "cwd", "env", "log", "uid", "gid", "death_signal"}}`` starts the server:
  ``{"pid": 123}`` or ``{"error": "..."}``
* ``{"remove": ["/path", ...]}`` names the folders that go when all is over: ``{}``
* ``{"leave": true}`` ends this process and leaves the server running: ``{}``

When standard input ends, the parent is gone (or has closed it): the server gets the signal
``end_signal`` given as first argument, SIGKILL five seconds later, and the folders are removed.
A server whose supervisor is killed gets its ``death_signal`` from the kernel.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_END_TIMEOUT_S = 5.0
_LOOK_S = 0.5  # how often the parent's id is looked at: a forked child of it may hold our input open
_REMOVE_TRIES = 20


class Supervisor:
    """One server at a time; ``serve`` blocks until the parent is gone."""

    def __init__(self, end_signal: int, parent: int) -> None:
        self._end_signal = end_signal
        self._parent = parent
        self._server: subprocess.Popen[bytes] | None = None
        self._remove: list[str] = []
        self._leave = False
        self._told_to_end = False
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_w, False)
        signal.set_wakeup_fd(self._wake_w)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._libc = ctypes.CDLL(None, use_errno=True)

    def serve(self) -> None:
        """Obey the parent until it is gone, then clear away."""
        rest = b""
        while not (self._told_to_end or self._leave) and os.getppid() == self._parent:
            readable, _, _ = select.select([0, self._wake_r], [], [], _LOOK_S)
            if self._wake_r in readable:
                os.read(self._wake_r, 4096)
                self._reap()
            if 0 in readable:
                chunk = os.read(0, 65_536)
                if not chunk:
                    break
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._reply(self._obey(json.loads(line)))
        if not self._leave:
            self._end()

    def _on_term(self, *_: object) -> None:
        self._told_to_end = True

    def _obey(self, message: dict[str, Any]) -> dict[str, Any]:
        if "remove" in message:
            self._remove = message["remove"]
        if "leave" in message:
            self._leave = True
        if "run" in message:
            try:
                self._server = self._run(message["run"])
            except (OSError, ValueError, subprocess.SubprocessError) as exc:
                return {"error": str(exc)}
            return {"pid": self._server.pid}
        return {}

    def _run(self, run: dict[str, Any]) -> subprocess.Popen[bytes]:
        def in_child() -> None:
            for number in _ignored():
                signal.signal(number, signal.SIG_DFL)
            if run["death_signal"]:
                self._libc.prctl(_PR_SET_PDEATHSIG, run["death_signal"], 0, 0, 0)

        # Whose the server is changes before in_child: the kernel forgets the death signal at such a change.
        with Path(run["log"]).open("ab") as log:
            return subprocess.Popen(
                run["argv"],
                cwd=run["cwd"],
                env=run["env"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=run["uid"],
                group=run["gid"],
                extra_groups=None if run["uid"] is None else [],
                preexec_fn=in_child,  # noqa: PLW1509 - this process has one thread
            )

    def _reap(self) -> None:
        if self._server is not None:
            self._server.poll()

    def _end(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(self._end_signal)
            self._server.send_signal(signal.SIGCONT)
            try:
                self._server.wait(_END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._server.pid, signal.SIGKILL)
                self._server.wait()
        for path in self._remove:
            self._remove_folder(path)

    def _remove_folder(self, path: str) -> None:
        """Children of a killed server may write a moment longer, so this is tried again."""
        for _ in range(_REMOVE_TRIES):
            shutil.rmtree(path, ignore_errors=True)
            if not Path(path).exists():
                return
            time.sleep(0.1)

    def _reply(self, message: dict[str, Any]) -> None:
        try:
            os.write(1, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            self._told_to_end = not self._leave


def _ignored() -> list[int]:
    """The signals that a child would ignore because this process does, or inherited it from a shell's `&`."""
    return [number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN]


if __name__ == "__main__":
    Supervisor(end_signal=int(sys.argv[1]), parent=int(sys.argv[2])).serve()
