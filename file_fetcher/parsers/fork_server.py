"""
Edge: the process that makes children: parsers are imported once, and each child is a fork of it.

It is a fresh interpreter with an empty environment and a single thread, so that nothing of the service (credentials,
connections, locks) is in a child, and forking is safe. It does one request after the other:
`fork` with a socket returns the child's process id; `end <pid>` kills it if it lives and says how it ended. A child is
waited for only then, so that a process id always means the child that it was given for.
It ends with the service, whichever way that ends, and takes its children with it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import sys
from dataclasses import asdict
from importlib.metadata import EntryPoint

from file_fetcher.parsers import child
from file_fetcher.parsers.protocol import ENTRY_POINTS
from file_fetcher.parsers.registry import Registry, installed, load

_REQUEST_BYTES = 256


def main(control_fd: int, named: dict[str, str] | None) -> None:
    """Serve until the service is gone. `named`: parsers to have instead of those installed, name -> module:class."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's interrupt is the service's business
    points = installed() if named is None else [EntryPoint(key, at, ENTRY_POINTS) for key, at in named.items()]
    registry = load(points)
    gc.collect()
    gc.freeze()
    gc.disable()
    with socket.socket(fileno=control_fd) as control:
        control.sendall(_hello(registry))
        children: set[int] = set()
        try:
            _serve(control, registry, children)
        finally:
            for pid in children:
                os.kill(pid, signal.SIGKILL)


def _serve(control: socket.socket, registry: Registry, children: set[int]) -> None:
    while True:
        request, sockets, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 1)
        if not request:
            return
        word, _, number = request.decode().partition(" ")
        if word == "fork":
            pid = _fork(control, sockets[0], registry)
            children.add(pid)
            answer: dict[str, int] = {"pid": pid}
        else:
            answer = _end(int(number))
            children.discard(int(number))
        control.sendall(json.dumps(answer).encode() + b"\n")


def _fork(control: socket.socket, job_fd: int, registry: Registry) -> int:
    own_pid = os.getpid()
    pid = os.fork()
    if pid:
        os.close(job_fd)
        return pid
    code = 1
    try:
        control.close()
        child.live(socket.socket(fileno=job_fd), registry.parsers, own_pid)
        code = 0
    finally:
        os._exit(code)


def _end(pid: int) -> dict[str, int]:
    os.kill(pid, signal.SIGKILL)  # one that is dead already keeps its own end
    _, status, usage = os.wait4(pid, 0)
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "memory_bytes": usage.ru_maxrss * 1024,
    }


def _hello(registry: Registry) -> bytes:
    parsers = [
        {
            **asdict(info),
            "media_types": sorted(info.media_types),
            "signatures": [{**asdict(each), "starts": each.starts.hex()} for each in info.signatures],
        }
        for info in registry.infos()
    ]
    return json.dumps({"parsers": parsers, "broken": dict(registry.broken)}).encode() + b"\n"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    arguments = json.loads(sys.argv[1])
    main(arguments["control_fd"], arguments["parsers"])
