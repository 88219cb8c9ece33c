"""
The servers as containers, through testcontainers, where there is Docker.

Vespa is the full one here: the application package is deployed through its config server.
"""

from __future__ import annotations

import functools
import http.client
import io
import urllib.request
import zipfile
from pathlib import Path

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException  # type: ignore[import-untyped]

from devstack import health, ports
from devstack.errors import DevstackError
from devstack.vespa import DEFAULT_APPLICATION
from tests.waiting import eventually

_PASSWORD = "devstack"
_START_TIMEOUT_S = 120.0
_POSTGRES_OPTIONS = {"wal_level": "logical", "max_replication_slots": "64", "max_wal_senders": "64", "fsync": "off"}
_KAFKA_SETTINGS = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "controller.quorum.voters": "1@localhost:9093",
    "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
}
_KAFKA_IMAGE = "apache/kafka:4.3.1"
_VESPA_IMAGE = "vespaengine/vespa:8"


def missing() -> str | None:
    """Why there is no Docker, or None when there is."""
    try:
        client = docker.from_env()
    except DockerException as exc:
        return " ".join(str(exc).split())
    client.close()
    return None


class Container:
    """A running container and what a client is given to connect."""

    def __init__(self, image: str, command: str | None, environment: dict[str, str], port_pairs: dict[int, int]):
        from testcontainers.core.container import DockerContainer

        self.address = ""
        self._container = DockerContainer(image, command=command, env=environment)
        for inside, outside in port_pairs.items():
            self._container.with_bind_ports(inside, (ports.HOST, outside))  # type: ignore[arg-type]  # passed to docker as it is
        try:
            self._container.start()
        except DockerException as exc:
            raise DevstackError(f"cannot run {image} in Docker: {' '.join(str(exc).split())}") from exc

    def close(self) -> None:
        """Remove it."""
        self._container.stop()


def postgres(version: int) -> Container:
    """PostgreSQL of that major version."""
    port = ports.choose()
    options = [part for name, value in _POSTGRES_OPTIONS.items() for part in ("-c", f"{name}={value}")]
    container = Container(
        f"postgres:{version}", " ".join(["postgres", *options]), {"POSTGRES_PASSWORD": _PASSWORD}, {5432: port}
    )
    container.address = f"postgresql://postgres:{_PASSWORD}@{ports.HOST}:{port}/postgres"
    eventually(lambda: health.postgres(container.address) is None, _START_TIMEOUT_S, "an answer of postgres")
    return container


def kafka() -> Container:
    """Apache Kafka in KRaft mode."""
    port = ports.choose()
    settings = _KAFKA_SETTINGS | {"advertised.listeners": f"PLAINTEXT://{ports.HOST}:{port}"}
    environment = {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in settings.items()}
    container = Container(_KAFKA_IMAGE, None, environment, {9092: port})
    container.address = f"{ports.HOST}:{port}"
    eventually(lambda: health.kafka(container.address) is None, _START_TIMEOUT_S, "an answer of kafka")
    return container


def vespa(application: Path = DEFAULT_APPLICATION) -> Container:
    """Vespa with the application package deployed; its documents and its search have a port each."""
    deploying, documents, search = ports.choose(), ports.choose(), ports.choose()
    container = Container(_VESPA_IMAGE, None, {}, {19071: deploying, 8080: documents, 8090: search})
    config_server, *urls = (f"http://{ports.HOST}:{port}" for port in (deploying, documents, search))
    eventually(lambda: _responds(f"{config_server}/state/v1/health"), _START_TIMEOUT_S, "an answer of vespa")
    request = urllib.request.Request(
        f"{config_server}/application/v2/tenant/default/prepareandactivate",
        data=_zipped(application),
        headers={"Content-Type": "application/zip"},
    )
    with urllib.request.urlopen(request, timeout=_START_TIMEOUT_S) as answer:
        answer.read()
    for url in urls:
        eventually(functools.partial(_serves, url), _START_TIMEOUT_S, "an answer of vespa's containers")
    container.address = ",".join(urls)
    return container


def _serves(url: str) -> bool:
    return health.vespa(url) is None


def _responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            answer.read()
    except (OSError, http.client.HTTPException):
        return False
    return True


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return buffer.getvalue()
