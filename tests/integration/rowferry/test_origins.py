"""Rule P12: doctor, status and reconcile say that the database is not the position's, before anything else."""

from __future__ import annotations

import pytest

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.offsets import POSITION_KEY, Position
from schemas.topics import Topics, offsets_topic
from tests.integration.rowferry.patients import Patient

pytestmark = pytest.mark.rule("P12")


def store(kafka: str, prefix: str, *, system_id: str, database: str) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka)
    topic = Topics(prefix).offsets("rowferry")
    KafkaAdmin(settings).ensure_topics([offsets_topic(topic)])
    position = Position("one", 9, 8, system_id=system_id, timeline=1, database=database, slot="rowferry")
    producer = IdempotentProducer(settings)
    try:
        producer.send(topic, POSITION_KEY, position.to_json())
        producer.flush_or_raise()
    finally:
        producer.close()


def test_p12_another_database_is_said_first_by_every_command(patient: Patient, kafka: str, topic_prefix: str) -> None:
    [(system_id,)] = patient.database.execute("SELECT system_identifier::text FROM pg_control_system()")
    name = patient.database.name
    words = f"this position belongs to database 'shop' (system {system_id}), this server is '{name}'"
    assert patient.examine()["database.position"]["found"] == "no position yet"
    store(kafka, topic_prefix, system_id=system_id, database="shop")

    found = patient.examine()
    finding = found["database.position"]
    assert finding["status"] == "failed"
    assert words in finding["found"]
    assert finding["remedy"].startswith("correct database_url")
    assert [check for check in found if check.startswith(("publication", "slot", "rights", "tables"))] == []

    told = patient.rowferry("status", "--json")
    assert told.code == 78
    assert words in told.json["errors"]["source"]

    told = patient.rowferry("reconcile")
    assert (told.code, told.out) == (78, "")
    assert words in told.err

    store(kafka, topic_prefix, system_id=system_id, database=name)
    found = patient.examine()
    assert (found["database.position"]["status"], found["publication"]["status"]) == ("ok", "ok")


def test_p12_another_server_is_said_by_doctor(patient: Patient, kafka: str, topic_prefix: str) -> None:
    store(kafka, topic_prefix, system_id="7710590895706758353", database=patient.database.name)
    finding = patient.examine()["database.position"]
    assert finding["status"] == "failed"
    assert "(system 7710590895706758353), this server is" in finding["found"]
