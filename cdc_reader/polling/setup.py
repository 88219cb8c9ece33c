"""Edge: puts the polls of a session together, with clock and chance."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from cdc_reader.polling.events import PollEvents
from cdc_reader.polling.plans import PollTerms, rest
from cdc_reader.polling.poller import Companions, Poller, PollerTerms
from cdc_reader.polling.reads import ReadTerms
from cdc_reader.polling.schedule import Schedule
from cdc_reader.polling.work import PollWork, RowLists, now_us
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.ready import Ready
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.publishing.floors import Floors
from cdc_reader.settings import ReaderSettings
from cdc_reader.tables.captured import EncoderOf
from cdc_runtime.kafka.admin import KafkaAdmin
from schemas.control import Command

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PollEdges:
    """What polls touch the world with: workers, the lists of what topics hold, Kafka, and where events go."""

    side: SideWork
    lists: RowLists
    admin: KafkaAdmin
    sink: EventSink


def make_poller(
    settings: ReaderSettings,
    ready: Ready,
    edges: PollEdges,
    *,
    floors: Floors,
    encoder_of: EncoderOf,
    event_bytes: int,
    record_command: Callable[[Command], None],
    seen: Callable[[int], None],
) -> Poller:
    """The poller of a session; it has nothing to do where no table is polled."""
    polling, position = settings.polling, ready.position
    by_name = {table.name: table for table in ready.tables.polled}
    own = polling.by_table(polling.intervals, "polling.intervals")
    intervals = {str(name): own.get(name, polling.interval_s) for name in by_name}
    rests = {
        str(name): rest(mark, table, intervals[str(name)], now_us())
        for name, table in by_name.items()
        if (mark := ready.stored.polls.get(str(name))) is not None
    }
    for table in by_name.values():
        if table.unusable:
            logger.warning("timestamp_column_not_used", table=str(table.name), why=table.unusable)
    edges.lists.keep({(table.table.topic, ready.topics.get(table.table.topic, "")) for table in by_name.values()})
    work = PollWork(
        edges.side,
        edges.lists,
        ReadTerms(encoder_of, event_bytes, polling.statement_timeout_s),
        kafka=settings.kafka,
        admin=edges.admin,
        system_id=position.system_id,
        timeline=position.timeline,
        topics=dict(ready.topics),
    )
    return Poller(
        by_name.values(),
        ready.stored.polls,
        PollerTerms(
            position.incarnation,
            PollTerms(polling.whole_interval_s, polling.overlap_s),
            settings.snapshot.chunk_rows,
            settings.snapshot.chunk_bytes,
        ),
        work=work,
        events=PollEvents(edges.sink, floors, ready.versions),
        sink=edges.sink,
        schedule=Schedule(intervals, rests, parallel=polling.workers, random=random.random, now=time.monotonic()),
        companions=Companions(record_command, seen, time.monotonic, now_us),
    )
