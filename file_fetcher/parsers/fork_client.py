"""
Edge: the service's end of the fork server: starts it, asks it for children, and has them ended.

May be used by several threads: requests are done one after the other. What goes wrong with the fork server itself is
`ForkServerGone`: whoever meets it makes a new one.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from file_fetcher.parsers.media_types import Signature
from file_fetcher.parsers.protocol import ParserInfo
from schemas.errors import TransientError

# Importing parsers takes a second at most; the machine may be busy.
_START_TIMEOUT_S = 60.0
_ANSWER_TIMEOUT_S = 30.0
# The path is given, since the interpreter is isolated (-I) from what the service's own was told by its environment.
_START = "import sys, json, runpy; sys.path[:] = json.loads(sys.argv[2]); runpy.run_module({!r}, run_name='__main__')"


class ForkServerGone(TransientError):
    """The process that makes children is no more."""


class ForkServerClient:
    """A running fork server. `parsers`: what it has; `broken`: entry points that could not be loaded, and why."""

    def __init__(self, folder: Path, named: Mapping[str, str] | None = None) -> None:
        ours, theirs = socket.socketpair()
        self._control = ours
        self._lock = threading.Lock()
        with theirs:
            arguments = {"control_fd": theirs.fileno(), "parsers": None if named is None else dict(named)}
            self._process = subprocess.Popen(  # noqa: S603  # the same interpreter
                [
                    sys.executable,
                    *("-I", "-X", "utf8", "-c", _START.format("file_fetcher.parsers.fork_server")),
                    *(json.dumps(arguments), json.dumps([str(Path(entry).absolute()) for entry in sys.path])),
                ],
                env={},
                cwd=folder,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._answers = ours.makefile("rb")
        try:
            ours.settimeout(_START_TIMEOUT_S)
            hello = self._answer()
        except ForkServerGone:
            self.close()
            raise
        self.parsers = tuple(_info(raw) for raw in hello["parsers"])
        self.broken: Mapping[str, str] = hello["broken"]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def fork(self, job_socket: socket.socket) -> int:
        """Make a child that has that socket; returns its process id. Raises `ForkServerGone`."""
        return int(self._ask(b"fork", job_socket.fileno())["pid"])

    def end(self, pid: int) -> tuple[int, int]:
        """End a child that may have ended by itself: the signal (0: none), and the most memory it had, in bytes."""
        answer = self._ask(b"end %d" % pid)
        return answer["signal"], answer["memory_bytes"]

    def close(self) -> None:
        """End it and all its children. May be called twice, and by any thread."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_ANSWER_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._lock:
            self._answers.close()
            self._control.close()

    def _ask(self, request: bytes, *descriptors: int) -> dict[str, Any]:
        with self._lock:
            try:
                self._control.settimeout(_ANSWER_TIMEOUT_S)
                socket.send_fds(self._control, [request], list(descriptors))
            except OSError as exc:
                raise ForkServerGone("the process that starts parsers has ended") from exc
            return self._answer()

    def _answer(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(self._answers.readline())
        except (OSError, ValueError) as exc:
            raise ForkServerGone("the process that starts parsers has ended") from exc
        return answer


def _info(raw: Mapping[str, Any]) -> ParserInfo:
    signatures = (
        Signature(**{**each, "starts": bytes.fromhex(each["starts"]), "suffixes": tuple(each["suffixes"])})
        for each in raw["signatures"]
    )
    return ParserInfo(**{**raw, "media_types": frozenset(raw["media_types"]), "signatures": tuple(signatures)})
