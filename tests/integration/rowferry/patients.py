"""What the doctor is called to: a source, its topics and its index, with ways to carry out a remedy as printed."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass, field
from typing import Any

from devstack import jars, java
from devstack import kafka as devstack_kafka
from tests.databases import Database, Role
from tests.integration.rowferry.commands import Rowferry

Finding = dict[str, Any]
_COMMENT = re.compile(r"--[^\n]*")
_CONFIG_COMMAND = "kafka.admin.ConfigCommand"  # what kafka-configs.sh runs


@dataclass
class Patient:
    """A pipeline's surroundings; `role` is what the pipeline logs in as, without more rights than it needs."""

    database: Database
    role: Role
    rowferry: Rowferry
    flags: list[str] = field(default_factory=list)

    def examine(self) -> dict[str, Finding]:
        """All findings by their id; the exit code must agree with them."""
        ran = self.rowferry("doctor", "--json", *self.flags)
        found = {finding["id"]: finding for finding in ran.json["checks"]}
        failures = [finding for finding in found.values() if finding["status"] == "failed"]
        assert (ran.code, ran.json["healthy"]) == ((1, False) if failures else (0, True))
        return found

    def run_sql(self, remedy: str) -> None:
        """Carry out SQL as an administrator would: statement by statement, comments left out."""
        with self.database.connect() as connection:
            for statement in _COMMENT.sub("", remedy).split(";"):
                if statement.strip():
                    connection.execute(statement.encode())


def run_kafka_configs(remedy: str) -> None:
    """Carry out a `kafka-configs.sh` command with Kafka's own tool."""
    program, *arguments = shlex.split(remedy)
    assert program == "kafka-configs.sh"
    folder = jars.folder(
        "kafka", devstack_kafka._PROJECT, devstack_kafka._goals, devstack_kafka._add_format, lambda line: None
    )
    command = [str(java.java()), "-cp", f"{folder / 'kafka'}/*", _CONFIG_COMMAND, *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
