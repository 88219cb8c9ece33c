"""Parsers that do what hostile files make parsers do; children of tests import them by name."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import time
from pathlib import Path

from file_fetcher.parsers.context import Context


class OddParser:
    """Does what the file says, in one word; it may be followed by a path."""

    name = "odd"
    version = "1"
    media_types = frozenset({"text/plain"})

    def parse(self, path: Path, context: Context) -> None:
        word, _, self._path = path.read_text().partition(" ")
        context.text(word)
        getattr(self, f"_{word}", self._nothing)(context)

    def _nothing(self, context: Context) -> None:
        context.row("S", 2, {"pid": str(os.getpid())})

    def _segfault(self, context: Context) -> None:
        ctypes.string_at(0)

    def _exit(self, context: Context) -> None:
        os._exit(0)

    def _sleep(self, context: Context) -> None:
        Path("sleeping").write_text(str(os.getpid()))
        time.sleep(600)

    def _spin(self, context: Context) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        while True:
            pass

    def _eat(self, context: Context) -> None:
        eaten = [b"x" * 2**20 for _ in range(10_000)]
        assert eaten

    def _raise(self, context: Context) -> None:
        raise ValueError("what is in the file")

    def _flood(self, context: Context) -> None:
        with Path("flood").open("wb") as file:
            file.truncate(2**40)

    def _fill(self, context: Context) -> None:
        Path(self._path).write_text("x" * 2**20)

    def _look(self, context: Context) -> None:
        names = {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}
        sockets = [name for name in names if _is_socket(name)]
        seen = {
            "environment": dict(os.environ),
            "initial": Path("/proc/self/environ").read_text(),
            "folder": str(Path.cwd()),
            "sockets": len(sockets),
        }
        context.meta("seen", json.dumps(seen))

    def _link(self, context: Context) -> None:
        Path("rows.jsonl").symlink_to("/etc/hostname")

    def _lie(self, context: Context) -> None:
        for number in range(3, 64):
            if _is_socket(number):
                socket.socket(fileno=os.dup(number)).sendall(f'{{"folder": "{Path.cwd()}", "status": "ok"}}\n'.encode())


def _is_socket(number: int) -> bool:
    try:
        return str(Path(f"/proc/self/fd/{number}").readlink()).startswith("socket:")
    except OSError:
        return False
