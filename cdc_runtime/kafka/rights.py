"""
What a client that Kafka refuses lacks, and the command that grants it (pure).

The command is for an administrator of Kafka. It grants what all services of a pipeline need of that kind, and nothing
of other pipelines: the names of topics begin with the prefix.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import Sql


class Resource(StrEnum):
    """What a right is for."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional id"
    CLUSTER = "cluster"


_OPERATIONS = {
    Resource.TOPIC: ("Read", "Write", "Create", "DescribeConfigs"),  # who may read or write may describe
    Resource.GROUP: ("Read",),
    Resource.TRANSACTIONAL_ID: ("Write",),
    Resource.CLUSTER: ("Describe", "DescribeConfigs", "IdempotentWrite"),
}
_NOBODY_KNOWN = "<user>"


@dataclass(frozen=True, slots=True)
class Asker:
    """As whom a client comes; empty: it has none. `user` is not known where a certificate says who it is."""

    bootstrap_servers: str = "localhost:9092"
    prefix: str = "cdc"
    user: str = ""
    group: str = ""
    transactional_id: str = ""

    def remedy(self, resource: Resource) -> Sql:
        """The command that grants it."""
        who = shlex.quote(f"User:{self.user or _NOBODY_KNOWN}")
        what = shlex.join([word for operation in _OPERATIONS[resource] for word in ("--operation", operation)])
        which = shlex.join(self._of(resource))
        where = shlex.quote(self.bootstrap_servers)
        return Sql(f"kafka-acls.sh --bootstrap-server {where} --add --allow-principal {who} {what} {which}")

    def _of(self, resource: Resource) -> list[str]:
        match resource:
            case Resource.TOPIC:
                return ["--topic", f"{self.prefix}.", "--resource-pattern-type", "prefixed"]
            case Resource.GROUP:
                return ["--group", self.group or "*"]
            case Resource.TRANSACTIONAL_ID:
                return ["--transactional-id", self.transactional_id or "*"]
            case Resource.CLUSTER:
                return ["--cluster"]
