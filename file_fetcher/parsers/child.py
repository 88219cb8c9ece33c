"""
Edge: the life of a child process: takes one job after another from its socket, reads the file, and answers.

Rules:
1. Its limits are set before it sees a file: address space, processor time, size of files, open files, no core.
2. Its environment is empty (the fork server was started so), its folder is that of the job.
3. It ends with its socket, and with the fork server (`PR_SET_PDEATHSIG`, where there is such a thing).
4. Its answer says only how it went; what was read lies in the folder, `meta.json` last.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import json
import math
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from file_fetcher.parsers.context import ROWS_BYTES, Context
from file_fetcher.parsers.limits import LimitReached, ParserLimits
from file_fetcher.parsers.output import STDERR
from file_fetcher.parsers.protocol import Parser, Unreadable

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 64
_STATUS_OF_ERRNO = {errno.ENOSPC: "storage_full", errno.EDQUOT: "storage_full", errno.EFBIG: "output_too_large"}


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read. `key`: of the parser; `folder`: for what is read; `timeout_s`: of processor time as well."""

    key: str
    path: str
    folder: str
    media_type: str
    memory_bytes: int
    timeout_s: float
    limits: ParserLimits

    def to_json(self) -> bytes:
        """One line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> Job:
        """Read what the service wrote."""
        raw: dict[str, Any] = json.loads(line)
        return cls(**{**raw, "limits": ParserLimits(**raw["limits"])})


def live(connection: socket.socket, parsers: Mapping[str, Parser], fork_server: int) -> None:
    """Do jobs until the socket ends. `fork_server`: process id of the parent, without which there is no life."""
    _die_with(fork_server)
    gc.enable()
    with connection, connection.makefile("rwb") as talk:
        for line in talk:
            job = Job.from_json(line)
            _confine(job)
            status = read(parsers[job.key], job)
            talk.write(json.dumps({"folder": job.folder, "status": status}).encode() + b"\n")
            talk.flush()


def read(parser: Parser, job: Job) -> str:
    """Let a parser read a file; returns the status of the extraction, or `storage_full`."""
    try:
        with Context(Path(job.folder), job.limits, job.media_type) as context:
            status = _parse(parser, job, context)
            context.finish(status)
    except OSError as exc:
        return _STATUS_OF_ERRNO.get(exc.errno or 0, "parser_error")
    except MemoryError:
        return "parser_oom"
    return status


def _parse(parser: Parser, job: Job, context: Context) -> str:
    try:
        parser.parse(Path(job.path), context)
    except LimitReached:
        context.truncate()
    except Unreadable as exc:
        context.warn(str(exc))
        return exc.status
    except MemoryError:
        return "parser_oom"
    except OSError as exc:
        if exc.errno in _STATUS_OF_ERRNO:
            raise
        return _error(exc, context)
    except Exception as exc:  # whatever a parser raises is about this file
        return _error(exc, context)
    return "ok"


def _error(exc: Exception, context: Context) -> str:
    context.warn(f"the parser raised {type(exc).__name__}")  # its message may hold what is in the file
    return "parser_error"


def _die_with(fork_server: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != fork_server:
        os._exit(1)


def _confine(job: Job) -> None:
    os.chdir(job.folder)
    said = os.open(STDERR, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(said, 2)
    os.close(said)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_s = usage.ru_utime + usage.ru_stime
    output_bytes = max(4 * job.limits.max_text_chars, ROWS_BYTES) + 2**20
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, output_bytes)
    _limit(resource.RLIMIT_AS, job.memory_bytes)
    _limit(resource.RLIMIT_CPU, math.ceil(used_s + job.timeout_s) + 1)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins again with each file


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
