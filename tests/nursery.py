"""
Services as processes that are forked, not begun anew: each start of Python with our modules takes 1.5 s of a core.

A nursery is one process of a test run (with pytest-xdist: of a worker). It has the services' modules imported, no
thread, and nothing of theirs has run in it. A child of it is what `python -m MODULE ARGUMENTS` is once its modules are
there: its environment, its output, its signals, its end. That programs start from nothing is shown by `tests/e2e`.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.signals import die_with_parent

_IMPORTED = ("cdc_reader.cli", "vespa_sink.cli", "file_fetcher.cli")
_ROOT = Path(__file__).parents[1]
_LONGEST = 1 << 20
_POLL_S = 0.02


class Child:
    """A forked process, with what `subprocess.Popen` has for one; it ends with the nursery."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(what="poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send it, if the process runs: its number is not given to another before `poll` has said that it ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that others are forked from; begun at its first use. May be used by several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes]) -> Child:
        """As `python -m MODULE ARGUMENTS`, with standard output and error to that file."""
        ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        pid = self.ask(
            what="start",
            module=module,
            arguments=list(arguments),
            environment=dict(environment),
            folder=str(Path.cwd()),
            ignored=ignored,
            output=output,
        )
        return Child(self, pid)

    def ask(self, *, output: IO[bytes] | None = None, **question: Any) -> Any:
        """The answer to one question."""
        ancillary = []
        if output is not None:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [output.fileno()]))]
        with self._lock:
            line = self._connected()
            line.sendmsg([json.dumps(question).encode()], ancillary)
            answer = line.recv(_LONGEST)
        assert answer, "the nursery has ended"
        return json.loads(answer)

    def close(self) -> None:
        """End it, and with it all that it has forked."""
        if self._process is not None and self._socket is not None:
            self._socket.close()
            self._process.kill()
            self._process.wait()

    def _connected(self) -> socket.socket:
        if self._socket is None:
            # Packets keep question and file together.
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.nursery", str(theirs.fileno())],
                    cwd=_ROOT,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - the child only calls prctl
                )
        return self._socket


NURSERY = Nursery()


def _serve(line: socket.socket) -> None:
    """Answer questions until the other side is gone; in a child, return from here is the end of its program."""
    while True:
        data, ancillary, _, _ = line.recvmsg(_LONGEST, socket.CMSG_LEN(array.array("i").itemsize))
        if not data:
            return
        question = json.loads(data)
        if question["what"] == "poll":
            line.send(json.dumps(_ended(question["pid"])).encode())
            continue
        output = array.array("i", ancillary[0][2])[0]
        pid = os.fork()
        if pid == 0:
            line.close()
            _become(question, output)
            return
        os.close(output)
        line.send(json.dumps(pid).encode())


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(question: Mapping[str, Any], output: int) -> None:
    die_with_parent()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(question["folder"])
    os.environ.clear()
    os.environ.update(question["environment"])
    if "PYTHONUNBUFFERED" in os.environ:
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    signal.signal(signal.SIGINT, signal.SIG_IGN if question["ignored"] else signal.default_int_handler)
    sys.argv = [question["module"], *question["arguments"]]
    runpy.run_module(question["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in _IMPORTED:
        importlib.import_module(name)
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "expected no thread: a fork has none of them"
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
