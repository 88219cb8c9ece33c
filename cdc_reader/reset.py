"""
Edge: makes the reader begin again: no position and no slot mean that every table is read again and swept (rule P5).

Versions go on rising: they are seeded from the topics (rule V8). Whose the topics are is kept (rule D7). What is
refused stands in `reset_plan`.

Keeps: P2, P5, P12, D7.
"""

from __future__ import annotations

from contextlib import closing

from cdc_reader.postgres.advisory_lock import slot_lock
from cdc_reader.postgres.connections import Connection, connect, translated
from cdc_reader.postgres.plugins import AUTO, PLUGINS
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server import slot_holders, slot_row
from cdc_reader.progress.origins import Owner
from cdc_reader.progress.server_position import identify, server_position
from cdc_reader.progress.stored import read_owner
from cdc_reader.reset_plan import ResetPlan, check_known, check_not_held, check_written
from cdc_reader.settings import ReaderSettings
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import TransactionalProducer
from schemas.errors import SettingsError, SlotBusy
from schemas.offsets import POSITION_KEY, PUBLICATION_KEY, SOURCE_KEY, TOPICS_KEY
from schemas.topics import Topics, offsets_topic

_NAME = "rowferry-reset"


def reset(settings: ReaderSettings, *, execute: bool, moved: bool = False) -> str:
    """Drop the slot and forget the position; returns what was (or would be) done, in words.

    `moved`: this database has taken the place of the one that the position belongs to.
    Raises `SlotBusy` while a reader runs, `SettingsError` in another database, `GapFound` on a server that has not
    written the position, `ServerSetting` for a slot that is not ours; nothing is changed then.
    """
    url = settings.secret_reader("database_url")()
    if not url:
        raise SettingsError(
            "database_url: expected a PostgreSQL URL, got nothing",
            remedy="set ROWFERRY_DATABASE_URL=postgresql://user:password@host:5432/database",
        )
    stream = ReplicationStream(url, application_name=_NAME, status_interval_s=settings.status_interval_s)
    with closing(stream), connect(url, application_name=_NAME) as connection, translated("reset"):
        plan = _plan(settings, stream, connection, moved=moved)
        if execute:
            _execute(settings, plan, stream, connection)
    lines = [f"{'done' if execute else 'would'}: {action}" for action in plan.actions()]
    lines += plan.notes()
    return "\n".join(lines if execute else [*lines, "run again with --execute to do it"])


def _plan(settings: ReaderSettings, stream: ReplicationStream, connection: Connection, *, moved: bool) -> ResetPlan:
    admin = KafkaAdmin(settings.kafka)
    admin.wait_until_reachable(settings.start_timeout_s)
    server = identify(stream)
    stored = check_known(_stored(settings, admin), server.origin, moved=moved)
    check_not_held(settings.slot, slot_holders(connection, settings.slot))
    if not moved:
        check_written(stored.position, server_position(stream, connection, server, stored.position))
    return ResetPlan(
        server=server.origin,
        position=stored.position,
        source=stored.source,
        moved=moved,
        slot_name=settings.slot,
        slot=slot_row(connection, settings.slot),
        offsets_topic=Topics(settings.kafka.prefix).offsets(settings.source),
        plugins=PLUGINS if settings.plugin == AUTO else (settings.plugin,),
    )


def _stored(settings: ReaderSettings, admin: KafkaAdmin) -> Owner | SettingsError:
    try:
        return read_owner(settings.kafka, settings.source, admin)
    except SettingsError as exc:
        return exc


def _execute(settings: ReaderSettings, plan: ResetPlan, stream: ReplicationStream, connection: Connection) -> None:
    """Carry it out under the lock, which no reader may have taken since."""
    [(held,)] = stream.execute("SELECT pg_catalog.pg_try_advisory_lock({}, {})", *slot_lock(settings.slot))
    if held not in ("t", True):
        check_not_held(settings.slot, slot_holders(connection, settings.slot))
        raise SlotBusy(f"a reader held slot {settings.slot!r} a moment ago", remedy="try again")
    if plan.slot is not None:
        connection.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", (settings.slot,))
    _forget(settings, plan)


def _forget(settings: ReaderSettings, plan: ResetPlan) -> None:
    offsets, source = plan.offsets_topic, plan.source_to_record()
    KafkaAdmin(settings.kafka).ensure_topics([offsets_topic(offsets)])
    producer = TransactionalProducer(settings.kafka, f"{settings.kafka.prefix}.{settings.source}")
    try:
        producer.init(settings.start_timeout_s)
        producer.begin()
        for key in (POSITION_KEY, PUBLICATION_KEY, TOPICS_KEY):
            producer.produce(offsets, key, None)
        if source is not None:
            producer.produce(offsets, SOURCE_KEY, source.to_json())
        producer.commit()
    finally:
        producer.close()
