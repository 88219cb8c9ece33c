"""
Free TCP ports on the loopback interface.

Ports are taken from below the range that the kernel hands to outgoing connections, so that a
server that is down for a moment finds its port free when it comes back.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path

from devstack.errors import DevstackError

HOST = "127.0.0.1"

_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 15_000
_TRIES = 200
_random = random.SystemRandom()  # a seeded one would lead processes to the same ports


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now; connections that are still closing do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether somebody listens on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def choose(highest: int | None = None) -> int:
    """A port that is free now; raises DevstackError when none is found."""
    highest = outgoing_from() - 1 if highest is None else highest
    for _ in range(_TRIES):
        port = _random.randint(_LOWEST, highest) if highest > _LOWEST else _from_the_kernel()
        if is_free(port):
            return port
    raise DevstackError(f"expected a free port on {HOST} between {_LOWEST} and {highest}, found none in {_TRIES} tries")


def outgoing_from() -> int:
    """The first port that the kernel gives to outgoing connections."""
    try:
        return int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768


def require_free(port: int) -> None:
    """Raise DevstackError when the port is taken."""
    if not is_free(port):
        raise DevstackError(f"port {port} on {HOST} is taken; stop what listens there, or choose another port")


def _from_the_kernel() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
