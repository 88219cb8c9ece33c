"""Names of tables and topics: each can be read back, no two meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RecordError, SettingsError
from schemas.names import TableName
from schemas.topics import Topics, failure_topic, offsets_topic, table_topic

IDENTIFIER = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8
)  # 8 x 4 bytes x 3 fit

TOPICS = {
    "plain": (TableName("public", "projects"), "cdc.public.projects"),
    "leading underscore": (TableName("public", "_tables"), "cdc.public.-5Ftables"),
    "hyphen": (TableName("public", "a-b"), "cdc.public.a-2Db"),
    "dot": (TableName("my.schema", "t"), "cdc.my-2Eschema.t"),
    "not ASCII": (TableName("public", "é"), "cdc.public.-C3-A9"),
}


@pytest.mark.parametrize(("table", "topic"), TOPICS.values(), ids=TOPICS)
def test_topic_of_a_table_is_escaped(table: TableName, topic: str) -> None:
    assert Topics().table(table) == topic


@given(IDENTIFIER, IDENTIFIER, st.integers(1, 99))
def test_topic_names_its_table_and_generation(schema: str, name: str, generation: int) -> None:
    table = TableName(schema, name)
    assert Topics().parse_table(Topics().table(table, generation)) == (table, generation)


@given(IDENTIFIER, IDENTIFIER)
def test_table_name_reads_back_what_it_printed(schema: str, name: str) -> None:
    assert TableName.parse(str(TableName(schema, name))) == TableName(schema, name)


@pytest.mark.parametrize(
    "topic", ["cdc._tables", "cdc._offsets.rowferry", "other.public.t", "cdc.public", "cdc.a.b.c", "cdc.a.b.g0"]
)
def test_other_topics_are_no_table_topics(topic: str) -> None:
    assert Topics().parse_table(topic) is None


@pytest.mark.parametrize("text", ["", "projects", "a.b.c", ".t", "s."])
def test_other_texts_are_no_table_names(text: str) -> None:
    with pytest.raises(RecordError):
        TableName.parse(text)


def test_document_table_names_the_schema_outside_public() -> None:
    assert TableName("public", "projects").document_table == "projects"
    assert TableName("sales", "projects").document_table == "sales.projects"


def test_topics_of_sources_and_groups_carry_their_names() -> None:
    topics = Topics()
    assert topics.offsets("rowferry") == "cdc._offsets.rowferry"
    assert topics.dead_letters("rowferry-vespa-sink") == "cdc._dlq.rowferry-vespa-sink"
    assert topics.retry("a group") == "cdc._retry.a-20group"


def test_prefix_and_length_are_checked() -> None:
    with pytest.raises(SettingsError):
        Topics("a.b")
    with pytest.raises(SettingsError):
        Topics().table(TableName("public", "é" * 63))


@pytest.mark.rule("V7", "P9")
def test_v7_p9_topics_are_made_with_explicit_settings() -> None:
    table = table_topic("t", 3).config
    assert table["cleanup.policy"] == "compact"
    assert table["delete.retention.ms"] == "604800000"
    assert int(table["min.compaction.lag.ms"]) > 0
    assert table["message.timestamp.after.max.ms"] == str(2**63 - 1)
    assert offsets_topic("o").config["delete.retention.ms"] == "60000"
    assert failure_topic("d", 1).config["cleanup.policy"] == "delete"
