"""
Apache Kafka: one real node in KRaft mode, broker and controller in one process, from jars.

Topics are not created by using them. Its own topics have one partition each, and compaction and
retention look around often, because tests wait for them; everything else is Kafka's default.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devstack import health, jars, java, logs, ports
from devstack.cache import Say
from devstack.errors import DevstackError
from devstack.java_server import JavaServer

_PROJECT = Path(__file__).with_name("kafka")
_CLUSTER_ID = "cm93ZmVycnktZGV2c3RhYw"  # any 16 bytes in base64url
_FORMAT_FILES = ("meta.properties", "bootstrap.checkpoint")

SETTINGS: Mapping[str, str | int] = {
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "auto.create.topics.enable": "false",
    # The default of 128 MiB does not fit the small heap.
    "log.cleaner.dedupe.buffer.size": 2_097_152,
    "log.cleaner.backoff.ms": 500,
    "log.initial.task.delay.ms": 500,
    "log.retention.check.interval.ms": 1_000,
    "log.segment.delete.delay.ms": 1_000,
    # A node that was killed is let in again when the session of its former life has ended.
    "broker.session.timeout.ms": 1_500,
    "broker.heartbeat.interval.ms": 300,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.recovery.threads.per.data.dir": 1,
}

_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n%ex{short}
"""


class KafkaServer(JavaServer):
    """A running Kafka node; the second port is its controller's."""

    kind = "kafka"
    port_count = 2
    heap = ("-Xms128m", "-Xmx512m")
    main_class = "kafka.Kafka"

    def __init__(
        self,
        folder: Path | None = None,
        settings: Mapping[str, str | int] | None = None,
        *,
        tied: bool = True,
        say: Say = print,
    ) -> None:
        super().__init__(folder, tied=tied, say=say)
        if settings is not None:
            self.record.details["settings"] = dict(settings)

    @property
    def bootstrap_servers(self) -> str:
        """Host and port, as clients name them."""
        return f"{self.host}:{self.port}"

    address = bootstrap_servers

    def healthy(self) -> bool:
        """Whether it answers a client now; raises nothing."""
        return health.kafka(self.bootstrap_servers) is None

    def restart(self, settings: Mapping[str, str | int] | None = None) -> None:
        """Stop it in order if it runs, and start it again; the settings are added to those it has."""
        self.record.details["settings"] = {**self.record.details.get("settings", {}), **(settings or {})}
        self._start_again()

    @classmethod
    def jar_folder(cls, say: Say) -> Path:
        """The folder of the broker's jars, and of what Kafka's tool writes into a new data folder."""
        return jars.folder("kafka", _PROJECT, _goals, _add_format, say)

    @classmethod
    def throwaway(cls, say: Say) -> KafkaServer:
        """A node with default settings and a temporary folder, not begun."""
        return cls(say=say)

    def _prepare(self) -> None:
        super()._prepare()
        if not self._data.exists():
            self._data.mkdir()
            for name in _FORMAT_FILES:
                shutil.copy(self._jars / "format" / name, self._data)

    def _arguments(self) -> list[str]:
        properties = {**SETTINGS, **self.record.details.get("settings", {}), **self._own_addresses()}
        properties["log.dirs"] = str(self._data)
        (self.folder / "server.properties").write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        return [str(self.folder / "server.properties")]

    def _own_addresses(self) -> dict[str, str | int]:
        return addresses(*self.record.ports)

    def _properties(self) -> list[str]:
        log_settings = self.folder / "log4j2.properties"
        log_settings.write_text(_LOG4J)
        return [f"-Dlog4j2.configurationFile={log_settings}"]

    def _ready(self) -> bool:
        return ports.accepts(self.port) and self.healthy()

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def start(
    data_dir: Path | None = None,
    settings: Mapping[str, str | int] | None = None,
    *,
    port: int | None = None,
    tied: bool = True,
    say: Say = print,
) -> KafkaServer:
    """
    Start Kafka with its data in that folder, and return when it serves clients.

    A folder that has been used before goes on with its data and, if they are free, ports.
    ``say`` gets lines of progress. Raises DevstackError, with one line.
    """
    return KafkaServer(data_dir, settings, tied=tied, say=say).begin(port)


def addresses(port: int, controller_port: int, *, node: int = 1, voters: str = "") -> dict[str, str | int]:
    """The settings of a node that say where it is, and who takes part in the quorum: by itself, if nobody is named."""
    return {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": voters or f"1@{ports.HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{ports.HOST}:{port},CONTROLLER://{ports.HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{ports.HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    }


def _goals(output: Path) -> list[str]:
    return ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={output / 'kafka'}"]


def _add_format(output: Path) -> None:
    """What Kafka's own tool writes into an empty data folder, kept to be copied: it costs a JVM of 1.5 s."""
    target, properties = output / "format", output / "format.properties"
    properties.write_text("".join(f"{key}={value}\n" for key, value in {**addresses(1, 2), "log.dirs": target}.items()))
    argv = [str(java.java()), "-cp", f"{output / 'kafka'}/*", "kafka.tools.StorageTool"]
    argv += ["format", "-t", _CLUSTER_ID, "-c", str(properties)]
    log = output / "format.log"
    with log.open("wb") as file:
        result = subprocess.run(
            [*argv, "-t", _CLUSTER_ID, "-c", str(properties)], stdout=file, stderr=file, check=False
        )
    if result.returncode != 0:
        raise DevstackError(f"kafka's storage tool failed with exit {result.returncode}: {logs.last_words(log)}")
