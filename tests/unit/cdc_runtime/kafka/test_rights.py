"""The command that grants what a client lacks."""

from __future__ import annotations

import pytest

from cdc_runtime.kafka.rights import Asker, Resource

ASKER = Asker("a:1,b:1", "cdc", "some one", "cdc-sink", "cdc-t")
BEGIN = "kafka-acls.sh --bootstrap-server a:1,b:1 --add --allow-principal 'User:some one'"
COMMANDS = {
    Resource.TOPIC: "--operation Read --operation Write --operation Create --operation DescribeConfigs "
    "--topic cdc. --resource-pattern-type prefixed",
    Resource.GROUP: "--operation Read --group cdc-sink",
    Resource.TRANSACTIONAL_ID: "--operation Write --transactional-id cdc-t",
    Resource.CLUSTER: "--operation Describe --operation DescribeConfigs --operation IdempotentWrite --cluster",
}


@pytest.mark.parametrize(("resource", "words"), COMMANDS.items())
def test_command_grants_one_kind_to_the_user(resource: Resource, words: str) -> None:
    assert ASKER.remedy(resource) == f"{BEGIN} {words}"


def test_user_that_a_certificate_names_is_left_open() -> None:
    assert "'User:<user>'" in Asker().remedy(Resource.TOPIC)
