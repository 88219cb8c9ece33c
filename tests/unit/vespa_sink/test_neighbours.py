"""What the sink wants of Kafka when it starts."""

from __future__ import annotations

from typing import Any

import pytest

from cdc_runtime.settings.models import load
from schemas.topics import TopicSpec
from vespa_sink import neighbours
from vespa_sink.settings import SinkSettings


class _Admin:
    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts
        self.ensured: list[TopicSpec] = []

    def wait_until_reachable(self, *_: object) -> bool:
        return True

    wait_for_topics = wait_until_reachable

    def partition_counts(self, topics: list[str]) -> dict[str, int]:
        return {topic: self._counts[topic] for topic in topics if topic in self._counts}

    def ensure_topics(self, specs: list[TopicSpec]) -> None:
        self.ensured += specs


@pytest.mark.parametrize(("there", "wanted"), [({}, 6), ({"cdc._dlq.rowferry-vespa-sink": 3}, 3)])
def test_dead_letters_keep_the_partitions_that_they_have(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, int], wanted: int
) -> None:
    """Red where a setting for topics to come is compared with one that is there."""
    monkeypatch.setattr(neighbours, "_with_group", lambda settings, stopping: settings)
    settings = load(SinkSettings, ["--kafka.partitions=6", "--vespa.namespace=ns"], environ={})
    admin: Any = _Admin(there)
    assert neighbours.wait_for_kafka(settings, admin, lambda: False) is settings
    assert [each.partitions for each in admin.ensured] == [wanted]
