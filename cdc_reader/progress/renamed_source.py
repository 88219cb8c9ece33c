"""
Edge: topics that a reader of this very database and slot published, under another name of its source (rule D7).

Keeps: D7.
"""

from __future__ import annotations

from collections.abc import Collection

import structlog

from cdc_reader.progress.origins import is_same_source
from cdc_reader.progress.stored import StoredProgress, read_owner
from cdc_reader.settings import ReaderSettings
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import TransactionalProducer
from schemas.offsets import SourceMark

logger = structlog.get_logger(__name__)


def names_of_before(
    stored: StoredProgress, tables: Collection[str], source: SourceMark, settings: ReaderSettings, admin: KafkaAdmin
) -> frozenset[str]:
    """
    The other names in the entries of `tables` that are this same source; their readers can commit nothing any more.

    We hold the slot's lock, so none of them runs. Raises `RecordError`, `TransientError`.
    """
    live = [entry for name, entry in stored.entries.items() if name in tables and not entry.deleted]
    others = sorted({entry.source for entry in live} - {settings.source})
    found = [name for name in others if is_same_source(read_owner(settings.kafka, name, admin), source)]
    for name in found:
        _fence(settings, name)
        logger.info("source_renamed", before=name, to=settings.source, because="system, database and slot are the same")
    return frozenset(found)


def _fence(settings: ReaderSettings, name: str) -> None:
    producer = TransactionalProducer(settings.kafka, f"{settings.kafka.prefix}.{name}")
    try:
        producer.init(settings.start_timeout_s)
    finally:
        producer.close()
