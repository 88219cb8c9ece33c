"""Which group a pipeline takes, on a real broker (rule D7)."""

from __future__ import annotations

import argparse
import re
import shlex
from contextlib import closing

import pytest
import structlog
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient

from cdc_runtime.consuming.group_names import group_of_pipeline, take_group
from cdc_runtime.kafka.group_offsets import committed_topics
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import NeighbourMissing, SettingsError
from schemas.topics import TopicSpec

pytestmark = pytest.mark.rule("D7")


@pytest.fixture
def plain(settings) -> str:
    """A group's name without a prefix, of this test alone."""
    return f"plain-{settings.prefix}"


@pytest.fixture
def commit(settings, make_topic):
    def _commit(group: str, topic: str) -> None:
        with closing(Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": group})) as client:
            client.commit(offsets=[KafkaTopicPartition(topic, 0, 1)], asynchronous=False)

    return _commit


def delete_group(remedy: str) -> None:
    """Carry out a `kafka-consumer-groups.sh --delete` command; the tool is not among the jars of the tests' broker."""
    said = argparse.ArgumentParser()
    said.add_argument("program", choices=["kafka-consumer-groups.sh"])
    said.add_argument("--bootstrap-server", required=True)
    said.add_argument("--delete", action="store_true", required=True)
    said.add_argument("--group", required=True)
    given = said.parse_args(shlex.split(remedy))
    client = AdminClient({"bootstrap.servers": given.bootstrap_server})
    for done in client.delete_consumer_groups([given.group]).values():
        done.result()


def _take(settings: KafkaSettings, name: str, *, is_set: bool = False) -> str:
    return take_group(settings, name, setting="group", is_set=is_set, timeout_s=60)


def test_d7_pipeline_has_a_group_of_its_own(settings, plain):
    assert committed_topics(settings, plain) == frozenset()
    assert _take(settings, plain) == f"{plain}-{settings.prefix}"
    assert _take(settings, plain, is_set=True) == plain
    assert group_of_pipeline(settings.model_copy(update={"prefix": "cdc"}), plain) == plain


def test_d7_pipeline_that_ran_in_the_plain_group_goes_on_with_it_and_says_so(settings, plain, make_topic, commit):
    commit(plain, make_topic("public.rows"))
    with structlog.testing.capture_logs() as logs:
        assert _take(settings, plain) == plain
    assert [(line["event"], line["group"]) for line in logs] == [("goes on with the group from before", plain)]
    commit(f"{plain}-{settings.prefix}", make_topic("public.rows"))
    assert _take(settings, plain) == f"{plain}-{settings.prefix}"


@pytest.mark.remedy("to a name that no other pipeline has; or, when the prefix was changed on purpose")
def test_d7_group_of_another_pipeline_is_refused(settings, plain, make_topic, commit):
    commit(plain, make_topic("public.rows"))
    second = settings.model_copy(update={"prefix": f"{settings.prefix}-b"})
    with pytest.raises(SettingsError, match=f"got one with positions of '{settings.prefix}'") as caught:
        _take(second, plain, is_set=True)
    told = re.fullmatch(
        "set `group` to a name that no other pipeline has; or, when the prefix was changed on purpose, (.*)",
        caught.value.remedy or "",
    )
    assert told is not None
    assert _take(second, f"{plain}-b", is_set=True) == f"{plain}-b"
    assert _take(second, plain) == f"{plain}-{second.prefix}"
    delete_group(told[1])
    assert _take(second, plain, is_set=True) == plain


@pytest.mark.remedy("of the other pipeline to a name of its own; this is told until Kafka forgets its positions")
def test_d7_group_that_was_shared_before_is_told_and_goes_on(settings, admin, plain, make_topic, commit):
    other = f"{settings.prefix}-b"
    admin.ensure_topics([TopicSpec(f"{other}.public.rows", 1)])
    commit(plain, f"{other}.public.rows")
    commit(plain, make_topic("public.rows"))
    with structlog.testing.capture_logs() as logs:
        assert _take(settings, plain) == plain
    assert logs[-1]["event"] == "group is shared with another pipeline"
    assert logs[-1]["others"] == repr(other)
    assert logs[-1]["remedy"].startswith("set `group` of the other pipeline to a name of its own; this is told until")
    with structlog.testing.capture_logs() as logs:
        assert _take(settings.model_copy(update={"prefix": other}), f"{plain}-own", is_set=True) == f"{plain}-own"
    assert logs == []
    # As Kafka does after `offsets.retention.minutes`.
    delete_group(f"kafka-consumer-groups.sh --bootstrap-server {settings.bootstrap_servers} --delete --group {plain}")
    commit(plain, make_topic("public.rows"))
    with structlog.testing.capture_logs() as logs:
        assert _take(settings, plain) == plain
    assert "group is shared with another pipeline" not in [line["event"] for line in logs]


def test_group_is_asked_for_as_long_as_the_start_may_take():
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1", prefix="crm")
    with pytest.raises(NeighbourMissing):
        take_group(nowhere, "plain", setting="group", is_set=False, timeout_s=0)
    assert take_group(nowhere, "plain", setting="group", is_set=False, timeout_s=60, stopping=lambda: True) == "plain"
