"""Does what a remedy says that is about Kafka, as it is printed: changes `kafka.client`, or runs `kafka-acls.sh`."""

from __future__ import annotations

import argparse
import re
import shlex

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from cdc_runtime.settings.models import KafkaSettings

_SET = re.compile(
    r"(?:set|with|,) ((?:security|sasl|ssl)\.[a-z.]+) (?:in kafka\.client )?to ([\w-]+)|with (sasl\.mechanism) (\w+)"
)


def with_client(settings: KafkaSettings, remedy: str) -> KafkaSettings:
    """Settings with the options that it names with their values."""
    found = {match[1] or match[3]: match[2] or match[4] for match in _SET.finditer(remedy)}
    assert found, f"no option in {remedy!r}"
    return settings.model_copy(update={"client": {**settings.client, **found}})


def run_kafka_acls(command: str, bootstrap_servers: str) -> None:
    """
    Do what Kafka's own tool does, at the address of an administrator; devstack has no jar of the tools.

    Any word that the tool does not have ends the test.
    """
    tool, *words = shlex.split(command)
    assert tool == "kafka-acls.sh"
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", required=True)
    parser.add_argument("--resource-pattern-type", choices=["literal", "prefixed"], default="literal")
    for name in ("topic", "group", "transactional-id"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--cluster", action="store_true")
    given = parser.parse_args(words)
    pattern = ResourcePatternType[given.resource_pattern_type.upper()]
    named = [
        (ResourceType.TOPIC, given.topic),
        (ResourceType.GROUP, given.group),
        (ResourceType.TRANSACTIONAL_ID, given.transactional_id),
        (ResourceType.BROKER, "kafka-cluster" if given.cluster else None),
    ]
    rights = [
        AclBinding(kind, name, pattern, given.allow_principal, "*", _operation(each), AclPermissionType.ALLOW)
        for kind, name in named
        if name is not None
        for each in given.operation
    ]
    assert rights, command
    client = AdminClient({"bootstrap.servers": bootstrap_servers})
    for future in client.create_acls(rights).values():
        future.result()


def _operation(name: str) -> AclOperation:
    return AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()]
