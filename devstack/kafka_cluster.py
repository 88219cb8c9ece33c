"""
Three Kafka nodes, each broker and controller: for what happens while one of them is away.

Every partition has a copy on each, and takes writes while two are there. A node costs what `devstack.kafka` costs.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from devstack import ports
from devstack.cache import Say
from devstack.kafka import KafkaServer, addresses

NODES = 3
_COPIES = {
    "default.replication.factor": NODES,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": NODES,
    "transaction.state.log.replication.factor": NODES,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": NODES,
    "share.coordinator.state.topic.min.isr": 2,
}


class KafkaNode(KafkaServer):
    """One node; `voters` names the controllers of all, and its ports are chosen already."""

    def __init__(self, node: int, own_ports: tuple[int, int], voters: str, *, say: Say) -> None:
        super().__init__(None, _COPIES, say=say)
        self._node = node
        self._voters = voters
        self.record.ports = list(own_ports)

    def _prepare(self) -> None:
        super()._prepare()
        known = self._data / "meta.properties"
        lines = dict(line.split("=", 1) for line in known.read_text().splitlines() if "=" in line)
        if lines["node.id"] != str(self._node):
            # Made for a node that is alone; no two nodes may have a folder of the same id.
            own = {"node.id": str(self._node), "directory.id": _directory_id()}
            known.write_text("".join(f"{name}={value}\n" for name, value in {**lines, **own}.items()))

    def _own_addresses(self) -> dict[str, str | int]:
        return addresses(*self.record.ports, node=self._node, voters=self._voters)


@contextmanager
def cluster(say: Say = print) -> Iterator[list[KafkaNode]]:
    """Three nodes that serve clients; they end with the context."""
    chosen: list[int] = []
    while len(chosen) < 2 * NODES:
        if (port := ports.choose()) not in chosen:
            chosen.append(port)
    pairs = list(zip(chosen[:NODES], chosen[NODES:], strict=True))
    voters = ",".join(f"{node}@{ports.HOST}:{controller}" for node, (_, controller) in enumerate(pairs, 1))
    nodes = [KafkaNode(node, own, voters, say=say) for node, own in enumerate(pairs, 1)]
    try:
        with ThreadPoolExecutor(NODES) as pool:
            list(pool.map(lambda node: node.begin(), nodes))
        yield nodes
    finally:
        for node in nodes:
            node.close()


def _directory_id() -> str:
    # Kafka's own begin with no dash.
    return urlsafe_b64encode(bytes(1) + secrets.token_bytes(15)).decode().rstrip("=")
