from __future__ import annotations

import re

import pytest

from schemas.names import TableName
from schemas.topics import Topics
from vespa_sink.intake.topics import Kind, Listing, RowsOf, kind_of, subscription

TOPICS = Topics("cdc")
KINDS = {
    "cdc.public.rfis": RowsOf(TableName("public", "rfis")),
    "cdc.crm.rfis.g2": RowsOf(TableName("crm", "rfis")),
    "cdc._tables": Listing.TABLES,
    "cdc._files": Listing.FILES,
    "cdc._file_rows": Listing.FILE_ROWS,
    "cdc.public.rfis.g0": Listing.FOREIGN,
}


@pytest.mark.parametrize(("topic", "kind"), KINDS.items(), ids=KINDS)
def test_topic_is_of_its_kind_and_read(topic: str, kind: Kind) -> None:
    assert kind_of(topic, TOPICS) == kind
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
