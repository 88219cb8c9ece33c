"""
Edge: makes the reader begin again: no position and no slot mean that every table is read again and swept (rule P5).

Versions go on rising: they are seeded from the topics (rule V8).

Keeps: P5.
"""

from __future__ import annotations

from cdc_reader.postgres.advisory_lock import slot_lock
from cdc_reader.postgres.connections import connect, translated
from cdc_reader.postgres.server import slot_row
from cdc_reader.settings import ReaderSettings
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import TransactionalProducer
from schemas.errors import SettingsError, SlotBusy
from schemas.offsets import POSITION_KEY, PUBLICATION_KEY, TOPICS_KEY
from schemas.topics import Topics, offsets_topic


def reset(settings: ReaderSettings, *, execute: bool) -> str:
    """Drop the slot and forget the position; returns what was (or would be) done, in words.

    Raises `SlotBusy` while a reader runs.
    """
    topics = Topics(settings.kafka.prefix)
    offsets = topics.offsets(settings.source)
    plan = (
        f"drop replication slot {settings.slot!r}; forget the position in topic {offsets!r}; "
        "the next run reads every table again and sweeps"
    )
    if not execute:
        return f"would {plan}\nrun again with --execute to do it"
    url = settings.secret_reader("database_url")()
    if not url:
        raise SettingsError("database_url: expected a PostgreSQL URL, got nothing")
    with connect(url, application_name="rowferry-reset") as connection, translated("drop the slot"):
        held = connection.execute("SELECT pg_catalog.pg_try_advisory_lock(%s, %s)", slot_lock(settings.slot)).fetchone()
        slot = slot_row(connection, settings.slot)
        if held != (True,) or (slot is not None and slot.active_pid is not None):
            raise SlotBusy(f"a reader holds slot {settings.slot!r}", remedy="stop the reader first")
        if slot is not None:
            connection.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", (settings.slot,))
        _forget(settings, offsets)
    return f"done: {plan}"


def _forget(settings: ReaderSettings, offsets: str) -> None:
    KafkaAdmin(settings.kafka).ensure_topics([offsets_topic(offsets)])
    producer = TransactionalProducer(settings.kafka, f"{settings.kafka.prefix}.{settings.source}")
    try:
        producer.init(settings.start_timeout_s)
        producer.begin()
        for key in (POSITION_KEY, PUBLICATION_KEY, TOPICS_KEY):
            producer.produce(offsets, key, None)
        producer.commit()
    finally:
        producer.close()
