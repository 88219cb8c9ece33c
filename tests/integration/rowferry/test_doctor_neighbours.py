"""The doctor's checks of Kafka and Vespa: each is broken, and mended by carrying out the remedy that is printed."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from tests.integration.vespa_sink.test_breaker import _without


@pytest.mark.remedy("kafka-configs.sh")
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


@pytest.mark.remedy("give each source a kafka.prefix of its own")
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


@pytest.mark.remedy("in server.properties of every broker, then restart it")
def test_v7_short_retention_of_offsets_is_mended(patient: Patient, own_kafka: KafkaServer) -> None:
    own_kafka.restart({"offsets.retention.minutes": 60})
    patient.flags += ["--kafka-bootstrap-servers", own_kafka.bootstrap_servers]

    finding = patient.examine()["kafka.offsets_retention"]
    assert (finding["status"], finding["found"]) == ("warning", "1 hour")
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


@pytest.mark.remedy("vespa-sink deploy deploy/vespa")
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


@pytest.mark.remedy("cdc-reader run --version-seed")
def test_v8_index_ahead_of_the_reader_is_mended_by_its_seed(
    patient: Patient, index: IndexedRows, vespa_namespace: str, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    greatest = 8_000_000_000_000_000_000
    index.put({"version": greatest, "doc_id": "photos/9", "namespace": vespa_namespace})
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
    "database": (
        ["--database-url", "postgresql://nobody@127.0.0.1:1/none"],
        "database.reachable",
        "check host and port of database_url and that the server runs",
    ),
    "kafka": (
        ["--kafka-bootstrap-servers", "127.0.0.1:1"],
        "kafka.reachable",
        "start the brokers, or set kafka.bootstrap_servers",
    ),
    "vespa": (["--vespa-url", "http://127.0.0.1:1"], "vespa.reachable", "check vespa.url and that the server runs"),
}


@pytest.mark.remedy("check vespa.url and that the server runs")
@pytest.mark.parametrize(("flags", "check", "remedy"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_neighbour_that_does_not_answer_is_one_finding_among_others(
    patient: Patient, flags: list[str], check: str, remedy: str
) -> None:
    right = list(patient.flags)
    patient.flags += flags

    found = patient.examine()

    failures = [name for name, each in found.items() if each["status"] == "failed"]
    assert failures == [check]
    assert found[check]["remedy"] == remedy
    assert {name.partition(".")[0] for name in found} >= {"settings", "database", "kafka", "vespa"}
    patient.flags[:] = right

    assert [name for name, each in patient.examine().items() if each["status"] == "failed"] == []


class _NoSearch(BaseHTTPRequestHandler):
    """A container without the search API."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.mark.remedy("set vespa.query_url to the container with the search API")
def test_container_without_search_is_told_from_the_one_that_has_it(patient: Patient) -> None:
    right = list(patient.flags)
    with ThreadingHTTPServer(("127.0.0.1", 0), _NoSearch) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        patient.flags += ["--vespa.query-url", f"http://127.0.0.1:{server.server_port}"]
        finding = patient.examine()["vespa.reachable"]
        server.shutdown()
    assert finding["status"] == "failed"
    assert finding["remedy"] == "set vespa.query_url to the container with the search API"
    patient.flags[:] = right

    assert patient.examine()["vespa.reachable"]["status"] == "ok"


@pytest.mark.remedy("vespa-sink deploy deploy/vespa")
def test_reconcile_of_an_outdated_index_is_mended_by_the_package_that_the_remedy_names(
    patient: Patient, own_vespa: VespaServer, tmp_path: Path
) -> None:
    own_vespa.restart(_without(own_vespa.application, tmp_path / "outdated", "omitted"))
    patient.flags += ["--vespa-url", own_vespa.url, "--vespa.query-url", own_vespa.url]
    told = patient.rowferry("reconcile", "--no-files", *patient.flags)
    assert told.code == 78
    asked = re.search(r"^remedy: vespa-sink deploy ([a-z/]+)$", told.err, re.M)
    assert asked is not None
    own_vespa.restart(DEFAULT_APPLICATION.parents[1] / asked[1])

    assert patient.rowferry("reconcile", "--no-files", *patient.flags).code == 0


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
