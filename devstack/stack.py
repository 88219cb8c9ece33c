"""
All servers together, each in its own folder below one data folder, started in parallel.

What was started detached is found again by ``running`` in another process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from devstack.cache import Say
from devstack.errors import DevstackError
from devstack.kafka import KafkaServer
from devstack.postgres import PostgresServer
from devstack.records import Record
from devstack.s3 import Preload, S3Server
from devstack.server import Server
from devstack.vespa import VespaServer

S = TypeVar("S", bound=Server)

KINDS = ("postgres", "kafka", "vespa", "s3")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which servers, and what they are to be; None leaves the choice to the data, or to the default."""

    kinds: tuple[str, ...] = KINDS
    postgres_version: int | None = None
    vespa_application: Path | None = None
    s3_preload: Preload | None = None
    postgres_origin: str | None = None


class Stack:
    """Servers by kind; use it as a context manager, or call ``close``."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = {server.kind: server for server in servers}

    @property
    def postgres(self) -> PostgresServer:
        """The PostgreSQL of it; DevstackError when it has none."""
        return self._of(PostgresServer)

    @property
    def kafka(self) -> KafkaServer:
        """The Kafka of it; DevstackError when it has none."""
        return self._of(KafkaServer)

    @property
    def vespa(self) -> VespaServer:
        """The Vespa of it; DevstackError when it has none."""
        return self._of(VespaServer)

    @property
    def s3(self) -> S3Server:
        """The S3 server of it; DevstackError when it has none."""
        return self._of(S3Server)

    def stop(self) -> None:
        """End all in order and at once; their data stay."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda server: server.stop(), self.servers.values()))

    def wipe(self) -> None:
        """End all and remove their data."""
        for server in self.servers.values():
            server.wipe()

    def close(self) -> None:
        """End all; tied servers without a folder of their own leave nothing behind."""
        for server in self.servers.values():
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _of(self, wanted: type[S]) -> S:
        server = self.servers.get(wanted.kind)
        if not isinstance(server, wanted):
            raise DevstackError(f"expected {wanted.kind} in the stack, it has {sorted(self.servers)}")
        return server


def start(folder: Path | None = None, wanted: Wanted | None = None, *, tied: bool = True, say: Say = print) -> Stack:
    """
    Start what is wanted and does not run yet, and return when all of it serves clients.

    ``folder=None`` means temporary folders (see `devstack.server.Server`). When one cannot be had,
    those started by this call are ended again and DevstackError tells of the first.
    """
    wanted = wanted or Wanted()
    makers = _makers(wanted, tied=tied, say=say)
    servers = [makers[kind](None if folder is None else folder / kind) for kind in wanted.kinds]
    begun = [server for server in servers if not server.alive]
    for server in servers:
        if server not in begun:
            say(f"{server.kind}: already running on {server.host}:{server.port}")
    with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        futures = [pool.submit(_begin, server, say) for server in begun]
    if errors := [error for future in futures if (error := future.exception()) is not None]:
        for server in begun:
            server.close()
        raise errors[0]
    return Stack(servers)


def running(folder: Path, kinds: Sequence[str] = KINDS) -> Stack:
    """The servers whose data lie in the folder, whether they run or not."""
    makers = _makers(Wanted(), tied=False, say=print)
    return Stack([makers[kind](folder / kind) for kind in kinds if Record.load(folder / kind) is not None])


def _begin(server: Server, say: Say) -> None:
    began = time.monotonic()
    server.begin()
    say(f"{server.kind}: ready on {server.host}:{server.port} after {time.monotonic() - began:.1f} s")


def _makers(wanted: Wanted, *, tied: bool, say: Say) -> dict[str, Callable[[Path | None], Server]]:
    return {
        "postgres": lambda folder: PostgresServer(
            folder, wanted.postgres_version, origin=wanted.postgres_origin, tied=tied, say=say
        ),
        "kafka": lambda folder: KafkaServer(folder, tied=tied, say=say),
        "vespa": lambda folder: VespaServer(folder, wanted.vespa_application, tied=tied, say=say),
        "s3": lambda folder: S3Server(folder, wanted.s3_preload, tied=tied, say=say),
    }
