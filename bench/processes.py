"""What a process and its children have cost, from /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path

from devstack.processes import Identity


def cpu_s(pid: int) -> float:
    """Processor time of a process and of all its descendants, those that have ended included."""
    fields = [_fields(each) for each in _tree(pid)]
    return sum(int(each[at]) for each in fields if each for at in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")


def own_cpu_s(pid: int) -> float:
    """Processor time of a process alone."""
    return sum(int(each) for each in _fields(pid)[11:13]) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> int:
    """Most memory that a process had at once."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def _tree(pid: int) -> list[int]:
    identity = Identity.of(pid)
    return identity.tree() if identity else []


def _fields(pid: int) -> list[str]:
    """The fields of `stat` from the third on; none for a process that has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
