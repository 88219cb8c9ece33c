"""
Edge: reads files in child processes: as many at a time as there are workers, each for as long as it may take.

Rules:
1. A child that dies, hangs or runs out of memory costs the file that it reads, and nothing else.
2. A child is replaced after `files_per_child` files, and after one that did not end well.
3. Types take turns: what ends badly has half of the workers at most while others wait (rule V14).
4. If the fork server is gone, or a child answers what was not asked, the file is tried once more with a new one: it
   need not have been this file's fault.

Leaves to others: which files, and where what was read is kept (`contents`).

Keeps: V14.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from file_fetcher.failures import Blocked, Cancelled
from file_fetcher.parsers.child import Job
from file_fetcher.parsers.endings import Ending, status_of
from file_fetcher.parsers.fork_client import ForkServerClient, ForkServerGone
from file_fetcher.parsers.limits import ParserLimits
from file_fetcher.parsers.media_types import MediaType, Signature
from file_fetcher.parsers.output import ParserOutput, last_words, output_of
from file_fetcher.parsers.protocol import ParserInfo
from file_fetcher.parsers.turns import Turns
from file_fetcher.settings import LimitSettings, ParserSettings
from file_fetcher.store.disk import FREE_SPACE, writing
from schemas.errors import FatalError

_ANSWER_BYTES = 4096
_BAD = frozenset({"parser_timeout", "parser_crash", "parser_oom"})


class _SpeaksNonsense(Exception):
    """A child answers what was not asked: this file, or one that it read earlier, has taken it over."""


@dataclass(slots=True)
class _Child:
    pid: int
    socket: socket.socket
    fork_server: ForkServerClient
    files: int = 0


class ParserPool:
    """
    Reads files with the installed parsers. May be used by several threads, which wait for a free worker.

    Starts the fork server: raises `FatalError` when that does not start. `named`: parsers to have instead of those
    installed (name -> `module:class`). `folder`: for what is read, emptied at the start.
    """

    def __init__(
        self,
        settings: ParserSettings,
        limits: LimitSettings,
        folder: Path,
        *,
        named: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._named = named
        self._folder = folder
        self.limits = ParserLimits(
            max_text_chars=limits.max_text_chars,
            max_rows=limits.max_rows,
            max_columns=limits.max_columns,
            max_cell_chars=limits.max_cell_chars,
            max_unpacked_bytes=settings.memory_bytes,
        )
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._slots: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(settings.workers):
            self._slots.put(None)
        self._turns = Turns(settings.workers)
        self._lock = threading.Lock()
        self._closed = False
        self._fork_server = self._start()
        self.parsers: tuple[ParserInfo, ...] = self._fork_server.parsers
        self.broken: Mapping[str, str] = self._fork_server.broken

    @property
    def folder(self) -> Path:
        """Where what is read lies for a while; others may lay something there for as short."""
        return self._folder

    @property
    def fork_server_pid(self) -> int:
        """The process id of the fork server."""
        return self._fork_server.pid

    def parser_of(self, media_type: MediaType) -> ParserInfo | None:
        """The parser of a type; None when there is none."""
        return next((each for each in self.parsers if media_type.mime in each.media_types), None)

    def signatures(self) -> tuple[Signature, ...]:
        """How files are known of types that parsers brought with them."""
        return tuple(signature for parser in self.parsers for signature in parser.signatures)

    @contextlib.contextmanager
    def reading(self, parser: ParserInfo, path: Path, media_type: MediaType) -> Iterator[ParserOutput]:
        """
        What the parser reads in the file; its files live as long as the context.

        Blocks until a worker is free and the file is read or given up, `timeout_s` at most for the latter. Raises
        `Blocked` when the disk is full, `Cancelled` when the pool is closed, and nothing on account of the file.
        """
        with writing():
            folder = Path(tempfile.mkdtemp(dir=self._folder)).absolute()
        try:
            job = Job(
                key=parser.key,
                path=str(path.absolute()),
                folder=str(folder),
                media_type=media_type.mime,
                memory_bytes=self._settings.memory_bytes,
                timeout_s=self._settings.timeout_s,
                limits=self.limits,
            )
            yield self._read(job)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End all children; whoever waits for one gets `Cancelled`. May be called twice."""
        with self._lock:
            self._closed = True
            fork_server = self._fork_server
        self._turns.close()
        fork_server.close()
        for _ in range(self._settings.workers):  # those that read are ended already, and come back at once
            self._drop(self._slots.get())
        for _ in range(self._settings.workers):
            self._slots.put(None)  # whoever waits for one finds the pool closed

    def _read(self, job: Job) -> ParserOutput:
        with self._turns.turn(f"{job.key} {job.media_type}") as ended:
            status = self._status(job)
            ended(status not in _BAD)
        if status == "storage_full":
            raise Blocked("storage_full", "no space is left in data_directory for the text of files", remedy=FREE_SPACE)
        return output_of(Path(job.folder), status)

    def _status(self, job: Job) -> str:
        status = ""
        with contextlib.suppress(ForkServerGone, _SpeaksNonsense):
            status = self._run(job)
        try:
            return status or self._run(job)
        except _SpeaksNonsense:
            return "parser_crash"

    def _run(self, job: Job) -> str:
        """Have a child do it; returns the status that it answered, or that its end means."""
        slot: _Child | None = None
        child = self._slots.get()
        try:
            child = self._fresh(child)
            status, alive = self._talk(child, job)
            if alive and status != "parser_oom" and child.files < self._settings.files_per_child:
                slot = child
        except ForkServerGone:
            if self._closed:
                raise Cancelled from None
            if child is not None:
                self._replace(child.fork_server)
            raise
        finally:
            if slot is None:
                self._drop(child)
            self._slots.put(slot)
        return status

    def _talk(self, child: _Child, job: Job) -> tuple[str, bool]:
        """The status, and whether the child goes on."""
        child.files += 1
        by_deadline, said = False, b""
        try:
            child.socket.settimeout(self._settings.timeout_s)
            child.socket.sendall(job.to_json())
            said = child.socket.recv(_ANSWER_BYTES)
        except TimeoutError:
            by_deadline = True
        except OSError:
            pass  # it has ended, as it has when it says nothing: the fork server knows how
        if said:
            return _status_in(said, job), True
        pid, child.pid = child.pid, 0
        signal, memory_bytes = child.fork_server.end(pid)
        ending = Ending(signal, memory_bytes, last_words(Path(job.folder)), by_deadline)
        return status_of(ending, self._settings.memory_bytes), False

    def _fresh(self, child: _Child | None) -> _Child:
        with self._lock:
            if self._closed:
                raise Cancelled
            if child is not None and child.fork_server is self._fork_server and _lives(child):
                return child
            fork_server = self._fork_server
        self._drop(child)
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                return _Child(fork_server.fork(theirs), ours, fork_server)
            except ForkServerGone:
                ours.close()
                self._replace(fork_server)
                raise

    def _replace(self, gone: ForkServerClient) -> None:
        with self._lock:
            if self._fork_server is not gone or self._closed:
                return
            gone.close()
            self._fork_server = self._start()

    def _start(self) -> ForkServerClient:
        try:
            return ForkServerClient(self._folder, self._named)
        except (ForkServerGone, OSError) as exc:
            raise FatalError("expected the process that starts parsers to run, got its end") from exc

    def _drop(self, child: _Child | None) -> None:
        if child is None:
            return
        child.socket.close()
        pid, child.pid = child.pid, 0
        if pid:
            with contextlib.suppress(ForkServerGone):
                child.fork_server.end(pid)


def _status_in(said: bytes, job: Job) -> str:
    try:
        answer = json.loads(said)
        if answer["folder"] == job.folder:
            return str(answer["status"])
    except (ValueError, KeyError, TypeError):
        pass
    raise _SpeaksNonsense


def _lives(child: _Child) -> bool:
    """Whether it waits for a file: one that ended, or speaks unasked, is not the next file's fault."""
    child.socket.settimeout(0)
    try:
        child.socket.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
