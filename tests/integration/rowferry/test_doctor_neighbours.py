"""The doctor's checks of Kafka and Vespa: each is broken, and mended by carrying out the remedy that is printed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from devstack.kafka import KafkaServer
from devstack.vespa import DEFAULT_APPLICATION, VespaServer
from schemas.offsets import POSITION_KEY, Position
from schemas.tables import Capture, TableEntry
from schemas.topics import Topics, TopicSpec, directory_topic, offsets_topic
from tests.integration.cdc_reader.readers import Reader
from tests.integration.rowferry.indexed import IndexedRows
from tests.integration.rowferry.patients import Patient, run_kafka_configs


def test_topic_that_was_altered_is_mended(patient: Patient, kafka: str, topic_prefix: str) -> None:
    spec = directory_topic(Topics(topic_prefix).schemas)
    altered = TopicSpec(spec.name, spec.partitions, {**spec.config, "cleanup.policy": "delete"})
    KafkaAdmin(KafkaSettings(bootstrap_servers=kafka)).ensure_topics([altered])

    check = f"kafka.topics.{spec.name}.cleanup.policy"
    finding = patient.examine()[check]
    assert (finding["status"], finding["expected"], finding["found"]) == (
        "failed",
        "cleanup.policy=compact",
        "cleanup.policy=delete",
    )
    run_kafka_configs(finding["remedy"])

    assert patient.examine()["kafka.topics"]["status"] == "ok"


def entry(topic: str, **changes: Any) -> TableEntry:
    fields: dict[str, Any] = {
        "version": 1,
        "source": "rowferry",
        "database": "d",
        "schema": "public",
        "table": "photos",
        "oid": 1,
        "topic": topic,
        "partitions": 3,
        "columns": (),
        "primary_key": ("id",),
        "capture": Capture("replication", "test"),
    }
    return TableEntry(**{**fields, **changes})


def publish(kafka: str, spec: TopicSpec, key: bytes, value: bytes) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka)
    KafkaAdmin(settings).ensure_topics([spec])
    producer = IdempotentProducer(settings)
    try:
        producer.send(spec.name, key, value)
        producer.flush_or_raise()
    finally:
        producer.close()


def test_d7_topics_of_another_source_are_left_by_another_prefix(
    patient: Patient, kafka: str, topic_prefix: str
) -> None:
    other = entry(f"{topic_prefix}.public.photos", source="elsewhere")
    publish(kafka, directory_topic(Topics(topic_prefix).tables), other.record_key, other.to_json())

    finding = patient.examine()["kafka.source"]
    assert finding["status"] == "failed"
    assert "kafka.prefix" in finding["remedy"]
    patient.flags += ["--kafka.prefix", f"{topic_prefix}x"]

    assert patient.examine()["kafka.source"]["status"] == "ok"


def test_d6_partition_count_that_differs_is_found(patient: Patient, kafka: str, topic_prefix: str) -> None:
    topics = Topics(topic_prefix)
    photos = entry(f"{topic_prefix}.public.photos", partitions=3)
    publish(kafka, directory_topic(topics.tables), photos.record_key, photos.to_json())
    KafkaAdmin(KafkaSettings(bootstrap_servers=kafka)).ensure_topics([TopicSpec(photos.topic, 2, {})])

    finding = patient.examine()[f"kafka.topics.{photos.topic}.partitions"]

    assert (finding["status"], finding["expected"], finding["found"]) == ("failed", "partitions=3", "partitions=2")


def test_v7_short_retention_of_offsets_is_mended(patient: Patient, own_kafka: KafkaServer) -> None:
    own_kafka.restart({"offsets.retention.minutes": 60})
    patient.flags += ["--kafka-bootstrap-servers", own_kafka.bootstrap_servers]

    finding = patient.examine()["kafka.offsets_retention"]
    assert (finding["status"], finding["found"]) == ("warning", "60")
    setting = re.match(r"([a-z.]+)=(\d+) in server.properties", finding["remedy"])
    assert setting is not None
    own_kafka.restart({setting[1]: setting[2]})

    assert patient.examine()["kafka.offsets_retention"]["status"] == "ok"


@pytest.fixture
def old_application(tmp_path: Path) -> Path:
    """The application package as it was before a field came."""
    application = tmp_path / "application"
    shutil.copytree(DEFAULT_APPLICATION, application)
    record = application / "schemas" / "procore_record.sd"
    text, count = re.subn(r"        field expire_at type long \{.*?\n        \}\n", "", record.read_text(), flags=re.S)
    assert count == 1
    record.write_text(text)
    services = application / "services.xml"
    services.write_text(re.sub(r'\s+selection="procore_record[^"]*"', "", services.read_text()))
    return application


@pytest.fixture
def outdated_vespa(own_vespa: VespaServer, old_application: Path) -> Iterator[VespaServer]:
    own_vespa.restart(old_application)
    return own_vespa


def test_outdated_schema_is_mended_by_the_package_that_the_remedy_names(
    patient: Patient, outdated_vespa: VespaServer
) -> None:
    patient.flags += ["--vespa-url", outdated_vespa.url, "--vespa.query-url", outdated_vespa.url]

    finding = patient.examine()["vespa.schema"]
    assert (finding["status"], finding["expected"]) == ("failed", "fields expire_at in procore_record")
    command = finding["remedy"].split()
    assert command[:2] == ["vespa-sink", "deploy"]
    # There is no config server here to deploy to: the server is started on that package.
    outdated_vespa.restart(DEFAULT_APPLICATION.parent.parent / command[2])

    assert patient.examine()["vespa.schema"]["status"] == "ok"


def test_v8_index_ahead_of_the_reader_is_mended_by_its_seed(
    patient: Patient, index: IndexedRows, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    # Newer than all that other tests write into the shared index, whose newest documents are looked at.
    greatest = 8_000_000_000_000_000_000
    index.put({"version": greatest, "doc_id": "photos/9"})
    position = Position("i", 17, 1, "1", 1, patient.database.name, f"slot_{topic_prefix}")
    offsets = offsets_topic(Topics(topic_prefix).offsets("rowferry"))
    publish(kafka, offsets, POSITION_KEY, position.to_json())

    finding = patient.examine()["vespa.version"]
    assert finding["status"] == "failed"
    assert finding["remedy"] == f"cdc-reader run --version-seed {greatest}"
    KafkaAdmin(KafkaSettings(bootstrap_servers=kafka))
    patient.flags += ["--kafka.prefix", f"{topic_prefix}s"]
    reader = Reader(patient.database, kafka, f"{topic_prefix}s", tmp_path)
    try:
        reader.start(*finding["remedy"].split()[1:]).snapshots_over(1).caught_up()
    finally:
        reader.close()

    assert patient.examine()["vespa.version"]["status"] == "ok"


def test_document_type_that_is_not_there_is_found(patient: Patient) -> None:
    patient.flags += ["--vespa.schema-type", "unheard_of"]

    finding = patient.examine()["vespa.schema"]

    assert (finding["status"], finding["expected"]) == ("failed", "document type unheard_of")


UNREACHABLE = {
    "database": (["--database-url", "postgresql://nobody@127.0.0.1:1/none"], "database.reachable"),
    "kafka": (["--kafka-bootstrap-servers", "127.0.0.1:1"], "kafka.reachable"),
    "vespa": (["--vespa-url", "http://127.0.0.1:1"], "vespa.reachable"),
}


@pytest.mark.parametrize(("flags", "check"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_neighbour_that_does_not_answer_is_one_finding_among_others(
    patient: Patient, flags: list[str], check: str
) -> None:
    patient.flags += flags

    found = patient.examine()

    failures = [name for name, each in found.items() if each["status"] == "failed"]
    assert failures == [check]
    assert {name.partition(".")[0] for name in found} >= {"settings", "database", "kafka", "vespa"}


def test_wrong_password_is_told_without_it(own_patient: Patient) -> None:
    """On a server of our own: one that was named may trust whoever comes."""
    own_patient.flags += ["--database-url", own_patient.role.dsn.replace(own_patient.role.password, "mistaken")]

    finding = own_patient.examine()["database.reachable"]

    assert "password authentication failed" in finding["found"]
    assert finding["remedy"] == "check user and password of database_url"
    assert "mistaken" not in str(finding)


def test_findings_are_printed_for_eyes(patient: Patient) -> None:
    patient.database.execute("DROP PUBLICATION rowferry")

    ran = patient.rowferry("doctor", *patient.flags)

    assert ran.code == 1
    assert "failed   publication" in ran.out
    assert '> CREATE PUBLICATION "rowferry" FOR TABLE "public"."photos" WITH (' in ran.out


def test_settings_that_cannot_be_read_end_with_78(patient: Patient, tmp_path: Path) -> None:
    (tmp_path / "rowferry.yaml").write_text("slott: x\n")

    ran = patient.rowferry("doctor", "--config", str(tmp_path / "rowferry.yaml"))

    assert ran.code == 78
    assert "slott: expected a known setting, did you mean slot?" in ran.err
