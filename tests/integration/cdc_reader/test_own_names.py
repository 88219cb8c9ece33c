"""Slot and publication of a pipeline among others on the same servers (rule D7)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import structlog

from cdc_reader.own_names import with_own_names
from cdc_reader.settings import ReaderSettings
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.offsets import POSITION_KEY, PUBLICATION_KEY, Position, PublicationMark
from schemas.topics import Topics, offsets_topic
from tests.databases import Database
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.waiting import eventually

pytestmark = pytest.mark.rule("D7")


def _settings(kafka: str, prefix: str, **more: str) -> ReaderSettings:
    return ReaderSettings(kafka=KafkaSettings(bootstrap_servers=kafka, prefix=prefix), **more)


def _names(settings: ReaderSettings) -> tuple[str, str]:
    named = with_own_names(settings)
    return named.slot, named.publication


def _publish(settings: ReaderSettings, key: bytes, value: bytes) -> None:
    with closing(IdempotentProducer(settings.kafka)) as producer:
        producer.send(Topics(settings.kafka.prefix).offsets("rowferry"), key, value)
        producer.flush_or_raise()


def test_d7_reader_that_ran_under_plain_names_goes_on_with_them_and_says_so(kafka: str, topic_prefix: str) -> None:
    own, settings = f"rowferry_{topic_prefix}", _settings(kafka, topic_prefix)
    assert _names(settings) == (own, own)
    KafkaAdmin(settings.kafka).ensure_topics([offsets_topic(Topics(topic_prefix).offsets("rowferry"))])
    assert _names(settings) == (own, own)

    _publish(settings, POSITION_KEY, Position("i", 1, 1, "1", 1, "db", "rowferry").to_json())
    with structlog.testing.capture_logs() as logs:
        assert _names(settings) == ("rowferry", "rowferry")
    assert [(line["event"], line["slot"], line["publication"]) for line in logs] == [
        ("goes on with names from before", "rowferry", "rowferry")
    ]
    assert _names(_settings(kafka, topic_prefix, slot="mine")) == ("mine", "rowferry")
    assert _names(_settings(kafka, topic_prefix, slot="mine", publication="too")) == ("mine", "too")

    _publish(settings, PUBLICATION_KEY, PublicationMark("1", {}, "other").to_json())
    assert _names(settings) == ("rowferry", "other")
    assert _names(_settings(kafka, "cdc")) == ("rowferry", "rowferry")


def test_d7_two_pipelines_read_one_database_side_by_side(
    database: Database, kafka: str, topic_prefix: str, consumer: Consumer, tmp_path: Path
) -> None:
    database.execute("CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')")
    unset = {"SLOT": "", "PUBLICATION": ""}
    first = Reader(database, kafka, topic_prefix, tmp_path, unset, "first")
    second = Reader(database, kafka, f"{topic_prefix}_b", tmp_path, unset | {"EXCLUDE": "others"}, "second")
    other = Consumer(kafka, second.prefix)
    try:
        for reader in (first, second):
            reader.start().wait_for("streaming").snapshots_over(1)
        database.execute("CREATE TABLE others (id int PRIMARY KEY); INSERT INTO items VALUES (2, 'b')")
        database.execute("DELETE FROM items WHERE id = 1")
        rows = {"items/2": {"id": "2", "name": "b"}}
        for each in (consumer, other):
            eventually(lambda each=each: each.published("items").rows("items") == rows, 150, "both to have the rows")
        assert first.running()
        assert second.running()
    finally:
        first.close()
        second.close()
    slots = database.execute("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")
    publications = database.execute("SELECT pubname FROM pg_publication")
    own = [(f"rowferry_{prefix}",) for prefix in (topic_prefix, second.prefix)]
    assert (sorted(slots), sorted(publications)) == (own, own)
