from __future__ import annotations

import re

import pytest

from schemas.names import TableName
from schemas.topics import Topics
from vespa_sink.intake.topics import ListingTopic, TableTopic, TopicType, subscription, topic_type_of

TOPICS = Topics("cdc")
TOPIC_TYPES = {
    "cdc.public.rfis": TableTopic(TableName("public", "rfis")),
    "cdc.crm.rfis.g2": TableTopic(TableName("crm", "rfis")),
    "cdc._tables": ListingTopic.TABLES,
    "cdc._files": ListingTopic.FILES,
    "cdc._file_rows": ListingTopic.FILE_ROWS,
    "cdc.public.rfis.g0": ListingTopic.FOREIGN,
}


@pytest.mark.parametrize(("topic", "topic_type"), TOPIC_TYPES.items(), ids=TOPIC_TYPES)
def test_topic_is_of_its_type_and_read(topic: str, topic_type: TopicType) -> None:
    assert topic_type_of(topic, TOPICS) == topic_type
    assert any(re.search(pattern, topic) for pattern in subscription(TOPICS))


@pytest.mark.parametrize(
    "topic",
    [
        "cdc._schemas",
        "cdc._control",
        "cdc._file_refs",
        "cdc._offsets.rowferry",
        "cdc._retry.rowferry-file-fetcher",
        "cdc._files2",
        "xcdc._files",
        "cdcx_files",
        "other.public.rfis",
    ],
)
def test_no_other_topic_is_read(topic: str) -> None:
    assert not any(re.search(pattern, topic) for pattern in subscription(TOPICS))
