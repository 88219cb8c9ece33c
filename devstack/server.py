"""
What all servers have in common: start and wait until ready, stop, kill, restart, be found again.

Each kind says how it is run and when it is ready; the ports and the data stay over a restart.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from devstack import logs, ports, records
from devstack.errors import DevstackError
from devstack.processes import Command, Process
from devstack.records import Record

_POLL_S = 0.03
_STOP_TIMEOUT_S = 15.0
_PORT_TRIES = 3


class Server(ABC):
    """
    One server and its data folder.

    With ``folder=None`` the data lies in a new temporary folder that is removed by ``close`` and,
    for a tied server, at this process's end. Use it as a context manager, or call ``close``.
    """

    kind: ClassVar[str]
    stop_signal: ClassVar[int] = signal.SIGTERM  # ends it in order
    end_signal: ClassVar[int] = signal.SIGKILL  # ends it at once
    port_count: ClassVar[int] = 1
    start_timeout_s: ClassVar[float] = 90.0  # a loaded machine needs many times the usual 3 s

    def __init__(self, folder: Path | None, *, tied: bool) -> None:
        self._throwaway = folder is None
        chosen = Path(tempfile.mkdtemp(prefix=f"rowferry-{self.kind}-")) if folder is None else folder
        self.folder = records.prepare(chosen)
        self._process = Process(tied=tied, end_signal=self.end_signal)
        self._chosen_port = False
        self.record = Record.load(self.folder) or Record(self.kind)
        if self.record.process is not None and self.record.process.alive():
            self._process.identity = self.record.process
        if self._throwaway and tied:
            self._process.remove_at_end(self.folder)

    @property
    def host(self) -> str:
        """The loopback address."""
        return ports.HOST

    @property
    def port(self) -> int:
        """The port that clients use; it stays for the life of the data folder, if no one takes it."""
        return self.record.ports[0]

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / f"{self.kind}.log"

    @property
    def alive(self) -> bool:
        """Whether its process runs; says nothing of its health."""
        return self._process.alive

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client is given to connect."""

    @abstractmethod
    def healthy(self) -> bool:
        """Whether it answers a client now; raises nothing."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make programs and data ready where they are not; called before each start."""

    @abstractmethod
    def _command(self) -> Command:
        """How to run it on ``record.ports``; writes its configuration."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether clients are served now; asked often while it starts, raises nothing."""

    def begin(self, port: int | None = None) -> Self:
        """Start it for the first time, on that port or on a free one; raises DevstackError."""
        if self.alive:
            raise DevstackError(f"{self.kind} already runs with the data in {self.folder} (process {self._pid()})")
        try:
            self._prepare()
            self._start_on_ports(port)
        except OSError as exc:
            self.close()
            raise DevstackError(f"{self.kind} cannot be started in {self.folder}: {exc.strerror or exc}") from exc
        except BaseException:
            self.close()
            raise
        return self

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """End it in order, by SIGKILL when that takes longer; data and port stay."""
        self._process.stop(self.stop_signal, timeout_s)

    def kill(self) -> None:
        """SIGKILL for all of its processes; returns when they are gone."""
        if self._process.identity is not None:
            self._process.identity.kill_tree()

    def pause(self) -> None:
        """Freeze all of its processes: connections stay open and nothing answers."""
        if self._process.identity is not None:
            self._process.identity.signal_tree(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        if self._process.identity is not None:
            self._process.identity.signal_tree(signal.SIGCONT)

    def close(self) -> None:
        """End it at once and for good; a temporary folder is removed. May be called twice."""
        self._process.close()
        if self._throwaway:
            self._remove()

    def wipe(self) -> None:
        """End it at once and remove its data."""
        self.close()
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def folders(self) -> list[Path]:
        """The folders with all that it keeps on disk."""
        return [self.folder]

    def _remove(self) -> None:
        for folder in reversed(self.folders()):
            shutil.rmtree(folder, ignore_errors=True)

    def _start_again(self) -> None:
        self.stop()
        for port in self.record.ports:
            ports.require_free(port)
        self._prepare()
        self._start()

    def _start_on_ports(self, port: int | None) -> None:
        """A port that another process took between the choice and the start is chosen again."""
        for last in (False,) * (_PORT_TRIES - 1) + (True,):
            self._choose_ports(port)
            try:
                self._start()
            except DevstackError:
                if last or port is not None or all(ports.is_free(each) for each in self.record.ports):
                    raise
                self.record.ports = []
            else:
                return

    def _choose_ports(self, port: int | None) -> None:
        if port is not None:
            ports.require_free(port)
        known = self.record.ports
        if len(known) == self.port_count and port in (None, known[0]) and all(map(ports.is_free, known)):
            return
        first = ports.choose() if port is None else port
        self.record.ports = [first]
        while len(self.record.ports) < self.port_count:
            if (other := ports.choose()) not in self.record.ports:
                self.record.ports.append(other)

    def _start(self) -> None:
        log_start = logs.size(self.log)
        self.record.process = self._process.start(self._command())
        self.record.save(self.folder)
        deadline = time.monotonic() + self.start_timeout_s
        while not self._ready():
            if not self.alive:
                raise DevstackError(
                    f"{self.kind} did not start: {logs.last_words(self.log, log_start)} (all: {self.log})"
                )
            if time.monotonic() > deadline:
                self.kill()
                raise DevstackError(
                    f"{self.kind} was not ready after {self.start_timeout_s:.0f} s: "
                    f"{logs.last_words(self.log, log_start)} (all: {self.log})"
                )
            time.sleep(_POLL_S)

    def _pid(self) -> int:
        return self._process.identity.pid if self._process.identity is not None else 0
