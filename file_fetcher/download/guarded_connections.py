"""
Edge: connections that open only to addresses that a link may lead to.

The guard sits where the socket is opened: a name is resolved once, every address it has is judged, and the socket
connects to one of those that were judged. So neither a redirect, nor a second answer of the name server, nor an odd
spelling of an address gets past it; Host header, SNI and the check of the certificate stay as they are.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from file_fetcher.download.addresses import Reach, reach
from file_fetcher.failures import Skipped

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
Resolve = Callable[[str, int], Sequence[AddressInfo]]


def system_resolve(host: str, port: int) -> Sequence[AddressInfo]:
    """Ask the system for the addresses of a name; may raise `OSError`."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Guard:
    """Opens sockets; `resolve` is called in threads of its own, since it cannot be given a time-out."""

    def __init__(self, *, connect_timeout_s: float, resolve: Resolve = system_resolve) -> None:
        self._timeout_s = connect_timeout_s
        self._resolve = resolve
        self._resolvers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")

    def close(self) -> None:
        """Resolve no more names."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def connect(self, host: str, port: int, *, private: bool) -> socket.socket:
        """
        Connect to a host; `private` allows addresses of loopback and private networks.

        Raises `Skipped` when any address of the name is not allowed, `OSError` when none answers.
        """
        found = self._resolvers.submit(self._resolve, host, port).result(timeout=self._timeout_s)
        allowed = {Reach.PUBLIC, Reach.PRIVATE} if private else {Reach.PUBLIC}
        if not found or any(reach(str(info[4][0])) not in allowed for info in found):
            raise Skipped("host_not_allowed", f"expected {host!r} to have public addresses, got another")
        last: OSError | None = None
        for family, kind, protocol, _, address in found:
            try:
                return self._open(family, kind, protocol, address)
            except OSError as exc:
                last = exc
        raise last or OSError("no address")

    def _open(self, family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> socket.socket:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(self._timeout_s)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.connect(address)
        except OSError:
            opened.close()
            raise
        return opened


class GuardedHttpPool(HTTPConnectionPool):
    """Connections to one host by http."""

    def __init__(self, guard: Guard, host: str, port: int, *, private: bool, **options: Any) -> None:  # noqa: ANN401
        self.ConnectionCls = _connection_class(HTTPConnection, guard, private=private)
        super().__init__(host, port, **options)


class GuardedHttpsPool(HTTPSConnectionPool):
    """Connections to one host by https."""

    def __init__(self, guard: Guard, host: str, port: int, *, private: bool, **options: Any) -> None:  # noqa: ANN401
        self.ConnectionCls = _connection_class(HTTPSConnection, guard, private=private)
        super().__init__(host, port, **options)


def _connection_class(base: type[Any], guard: Guard, *, private: bool) -> type[Any]:
    def new_connection(self: Any) -> socket.socket:  # noqa: ANN401
        try:
            return guard.connect(self._dns_host, self.port, private=private)
        except (NotInTime, TimeoutError) as exc:
            raise ConnectTimeoutError(self, "no connection in time") from exc
        except UnicodeError as exc:  # a name that no name server can be asked for
            raise NameResolutionError(self.host, self, socket.gaierror(socket.EAI_NONAME, "no name")) from exc
        except socket.gaierror as exc:
            raise NameResolutionError(self.host, self, exc) from exc
        except OSError as exc:
            raise NewConnectionError(self, exc.strerror or type(exc).__name__) from exc

    return type(f"Guarded{base.__name__}", (base,), {"_new_conn": new_connection})
