"""A topic as it is against the topic as it should be."""

from __future__ import annotations

import pytest

from cdc_runtime.topic_checks import TopicFacts, config_for_old_broker, creation_batches, differences
from schemas.topics import TopicSpec, failure_topic, offsets_topic, state_topic, table_topic

SPEC = table_topic("cdc.public.photos", 3)


def facts(partitions=3, **changed):
    config = {**SPEC.config, "segment.bytes": "1", **{k.replace("_", "."): v for k, v in changed.items()}}
    return TopicFacts(SPEC.name, "id", partitions, {k: v for k, v in config.items() if v is not None})


def test_a_topic_as_wanted_has_no_differences():
    assert differences(SPEC, facts(), "k:1") == []


def test_a_changed_setting_names_the_command_that_mends_it():
    (difference,) = differences(SPEC, facts(delete_retention_ms="86400000"), "k:1")
    assert str(difference) == "topic cdc.public.photos: expected delete.retention.ms=604800000, got 86400000"
    assert difference.remedy == (
        "kafka-configs.sh --bootstrap-server k:1 --alter --entity-type topics --entity-name cdc.public.photos "
        "--add-config delete.retention.ms=604800000"
    )


def test_another_partition_count_is_a_difference_that_no_command_mends():
    (difference,) = differences(SPEC, facts(partitions=6), "k:1")
    assert str(difference) == "topic cdc.public.photos: expected partitions=3, got 6"
    assert "for ever" in difference.remedy


@pytest.mark.parametrize(
    ("spec", "setting", "value", "told"),
    [
        (failure_topic("d", 3), "retention.ms", "31536000000", False),
        (failure_topic("d", 3), "retention.ms", "-1", False),
        (failure_topic("d", 3), "retention.ms", "3600000", True),
        (failure_topic("d", 3), "cleanup.policy", "compact", True),
        (failure_topic("d", 3), "message.timestamp.type", "LogAppendTime", True),
        (SPEC, "delete.retention.ms", "1209600000", False),
        (SPEC, "delete.retention.ms", "-1", True),
        (SPEC, "cleanup.policy", "compact,delete", True),
        (SPEC, "max.message.bytes", "33554432", False),
        (SPEC, "max.message.bytes", "none", True),
        (offsets_topic("o"), "segment.bytes", "1048576", False),
    ],
)
def test_what_keeps_more_is_no_difference(spec: TopicSpec, setting: str, value: str, told: bool) -> None:
    """Red where a longer retention ends a service, or what loses records does not."""
    found = differences(spec, TopicFacts(spec.name, "id", spec.partitions, {**spec.config, setting: value}), "k:1")
    assert [each.setting for each in found] == ([setting] if told else [])


@pytest.mark.parametrize("spec", [failure_topic("d", 3), state_topic("d", 3)], ids=["failures", "state"])
@pytest.mark.parametrize(("partitions", "told"), [(3, False), (6, False), (2, True)])
def test_topic_whose_records_are_given_their_partition_may_have_more(
    spec: TopicSpec, partitions: int, told: bool
) -> None:
    """And the remedy where there are too few loses nothing."""
    found = differences(spec, TopicFacts("d", "id", partitions, spec.config), "k:1")
    remedy = "kafka-topics.sh --bootstrap-server k:1 --alter --topic d --partitions 3"
    assert [each.remedy for each in found] == ([remedy] if told else [])


def test_no_remedy_for_partitions_is_to_delete_what_is_kept_nowhere_else() -> None:
    (difference,) = differences(SPEC, facts(partitions=6), "k:1")
    assert "cdc-reader reset --execute" in difference.remedy
    assert "every table is read again" in difference.remedy


def test_an_old_broker_is_compared_by_the_setting_that_it_knows():
    old = facts(message_timestamp_before_max_ms=None, message_timestamp_after_max_ms=None)
    assert [d.setting for d in differences(SPEC, old, "k:1")] == ["message.timestamp.difference.max.ms"]
    known = TopicFacts(old.name, "id", 3, {**old.config, "message.timestamp.difference.max.ms": str(2**63 - 1)})
    assert differences(SPEC, known, "k:1") == []


def test_settings_for_an_old_broker_bound_both_directions():
    config = {
        "message.timestamp.before.max.ms": "5",
        "message.timestamp.after.max.ms": "70",
        "cleanup.policy": "compact",
    }
    assert config_for_old_broker(config) == {"cleanup.policy": "compact", "message.timestamp.difference.max.ms": "70"}
    assert config_for_old_broker({"cleanup.policy": "delete"}) == {"cleanup.policy": "delete"}


def test_only_settings_of_the_owner_are_compared():
    assert differences(TopicSpec("t", 3), facts(), "k:1") == []


def test_topics_are_created_in_order_in_batches_of_a_thousand_records_of_the_controller():
    specs = [TopicSpec(f"t{number}", 3, {"cleanup.policy": "compact"}) for number in range(450)]
    batches = list(creation_batches(specs))
    assert [len(batch) for batch in batches] == [200, 200, 50]
    assert [spec for batch in batches for spec in batch] == specs


def test_a_topic_larger_than_a_batch_has_one_of_its_own():
    small, large = TopicSpec("s", 1, {}), TopicSpec("l", 1000, {"cleanup.policy": "compact"})
    assert list(creation_batches([small, large, small])) == [[small], [large], [small]]
    assert list(creation_batches([])) == []
