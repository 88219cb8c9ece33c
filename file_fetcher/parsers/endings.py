"""What the end of a child process says about the file that it read: out of memory, out of time, or crashed."""

from __future__ import annotations

from dataclasses import dataclass

_SIGKILL, _SIGXCPU = 9, 24
# What runs out of memory without saying so (PDFium) has at least so much of its limit in use when it ends.
_MEMORY_SHARE = 0.4
_OUT_OF_MEMORY = (b"memory allocation of", b"out of memory", b"bad_alloc", b"MemoryError")


@dataclass(frozen=True, slots=True)
class Ending:
    """
    How a child ended. `signal`: 0 when it left by itself; `stderr`: what it said last.

    `memory_bytes`: the most that it held while it read this file.
    """

    signal: int
    memory_bytes: int = 0
    stderr: bytes = b""
    by_deadline: bool = False


def status_of(ending: Ending, memory_limit: int) -> str:
    """The status of the extraction: `parser_timeout`, `parser_oom` or `parser_crash`."""
    if ending.by_deadline or ending.signal == _SIGXCPU:
        return "parser_timeout"
    if ending.signal == _SIGKILL:
        return "parser_oom"  # we did not do it: the kernel does when memory is short
    said_so = any(words in ending.stderr for words in _OUT_OF_MEMORY)
    return "parser_oom" if said_so or ending.memory_bytes > memory_limit * _MEMORY_SHARE else "parser_crash"
