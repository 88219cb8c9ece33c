"""A relay before a server, which stands still or is gone when a test says so: cheaper than a server of one's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_BYTES = 64 * 1024
_LOOK_S = 0.2


class Relay:
    """
    Hands bytes on between clients and one server. Without a server it takes connections and never says anything.

    `told` changes what the server says.
    """

    def __init__(
        self, server: tuple[str, int] | None = None, told: Callable[[bytes], bytes] = lambda data: data
    ) -> None:
        self._server = server
        self._told = told
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self.come()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def freeze(self) -> None:
        """Connections stay and come, and nothing goes through."""
        self._flows.clear()

    def thaw(self) -> None:
        """What waits goes through."""
        self._flows.set()

    def go(self) -> None:
        """End all connections; new ones are refused."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # A thread that waits in accept() would keep the port.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._sockets.clear()

    def come(self) -> None:
        """Take connections (again), at the same address."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        self._flows.set()
        self.go()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with self._lock:
                    self._sockets.append(client)
                if self._server is not None:
                    self._join(client, self._server)

    def _join(self, client: socket.socket, server: tuple[str, int]) -> None:
        other = socket.create_connection(server)
        with self._lock:
            self._sockets.append(other)
        for source, target, changed in ((client, other, bytes), (other, client, self._told)):
            threading.Thread(target=self._carry, args=(source, target, changed), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, changed: Callable[[bytes], bytes]) -> None:
        with suppress(OSError):
            while data := source.recv(_BYTES):
                self._flows.wait()
                target.sendall(changed(data))
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(server: tuple[str, int] | None = None, told: Callable[[bytes], bytes] = lambda data: data) -> Iterator[Relay]:
    made = Relay(server, told)
    try:
        yield made
    finally:
        made.close()
