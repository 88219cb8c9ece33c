"""
A Kafka node that wants to know who comes: for what TLS, log-ins and rights (ACLs) make of a client.

The plain listener lets everybody in as an administrator, for those who prepare; each of the others is one of
`Listener`, with a port of its own. Users have the rights that an administrator gave them, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.cache import Say
from devstack.kafka import KafkaServer, addresses
from devstack.ports import HOST


@dataclass(frozen=True, slots=True)
class Listener:
    """A port with TLS (`certificate`: PEM files of a certificate and its key), or a log-in (`users`), or both."""

    certificate: tuple[Path, Path] | None = None
    users: Mapping[str, str] | None = None
    clients: Path | None = None  # the authority that must have signed the certificate of each client
    host: str = HOST  # as the broker says that it is reached

    @property
    def protocol(self) -> str:
        """Kafka's name for it; also what a client sets as `security.protocol`."""
        return f"{'' if self.users is None else 'SASL_'}{'PLAINTEXT' if self.certificate is None else 'SSL'}"


class SecuredKafka(KafkaServer):
    """One node with such listeners, by a name of capital letters."""

    def __init__(self, listeners: Mapping[str, Listener], *, say: Say = print) -> None:
        super().__init__(None, say=say)
        self._listeners = dict(listeners)
        # Of this instance: two for the node, one for each listener.
        self.port_count = 2 + len(self._listeners)  # type: ignore[misc]

    def at(self, name: str) -> str:
        """Host and port of a listener."""
        return f"{self._listeners[name].host}:{self.record.ports[2 + list(self._listeners).index(name)]}"

    def change(self, name: str, listener: Listener) -> None:
        """Let a listener be another from the next start on; its port stays."""
        self._listeners[name] = listener

    def _own_addresses(self) -> dict[str, str | int]:
        found = addresses(*self.record.ports[:2])
        for name, listener in self._listeners.items():
            port = self.at(name).rpartition(":")[2]
            found["listeners"] = f"{found['listeners']},{name}://{self.host}:{port}"
            found["advertised.listeners"] = f"{found['advertised.listeners']},{name}://{self.at(name)}"
            key = "listener.security.protocol.map"
            found[key] = f"{found[key]},{name}:{listener.protocol}"
            found |= self._secrets(name, listener)
        return found | {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def _secrets(self, name: str, listener: Listener) -> dict[str, str | int]:
        prefix, found = f"listener.name.{name.lower()}", dict[str, str | int]()
        if listener.certificate is not None:
            store = self.folder / f"{name.lower()}.pem"
            store.write_bytes(b"".join(part.read_bytes() for part in reversed(listener.certificate)))
            found |= {f"{prefix}.ssl.keystore.type": "PEM", f"{prefix}.ssl.keystore.location": str(store)}
        if listener.clients is not None:
            found |= {f"{prefix}.ssl.client.auth": "required", f"{prefix}.ssl.truststore.type": "PEM"}
            found[f"{prefix}.ssl.truststore.location"] = str(listener.clients)
        if listener.users is not None:
            users = " ".join(f'user_{user}="{password}"' for user, password in listener.users.items())
            login = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
            found |= {
                f"{prefix}.sasl.enabled.mechanisms": "PLAIN",
                f"{prefix}.plain.sasl.jaas.config": login,
            }
        return found


def start(listeners: Mapping[str, Listener], *, say: Say = print) -> SecuredKafka:
    """Start it, and return when its plain listener serves clients; raises DevstackError."""
    return SecuredKafka(listeners, say=say).begin()
