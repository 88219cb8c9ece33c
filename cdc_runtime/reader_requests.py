"""What consumers ask of the reader through `_control`: tables to be read again and swept, rows to be read again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog

from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.control import Command, Kind
from schemas.names import TableName
from schemas.topics import Topics

_log = structlog.get_logger(__name__)
_ASK_AGAIN_S = 3600.0  # one question per table covers all its partitions


class Requests:
    """Asks for one consumer group. Thread-safe; calls block until the request is durable. Raise `TransientError`."""

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._topic = Topics(settings.prefix).control
        self._asked: dict[tuple[TableName, str], float] = {}
        self._lock = threading.Lock()

    def snapshot(self, table: TableName, reason: str, occasion: str = "") -> bool:
        """
        Ask for a snapshot and a sweep, since something may be missing (rules V7, V11).

        False: it was asked for on this occasion within the hour.
        """
        with self._lock:
            now = time.time()
            if now - self._asked.get((table, occasion), float("-inf")) < _ASK_AGAIN_S:
                return False
            self._send(Kind.SNAPSHOT, table, reason, now)
            self._asked[table, occasion] = now
        return True

    def reread(self, table: TableName, keys: Sequence[str], reason: str) -> None:
        """Ask for rows to be read again; `keys` are row keys."""
        with self._lock:
            self._send(Kind.REREAD, table, reason, time.time(), tuple(keys))

    def _send(self, kind: Kind, table: TableName, reason: str, now: float, keys: tuple[str, ...] = ()) -> None:
        now_ms = int(now * 1000)
        command = Command(
            id=f"{self._group}-{table}-{now_ms}",
            kind=kind,
            tables=(str(table),),
            requested_by=self._group,
            requested_at_ms=now_ms,
            keys=keys,
            detail=reason,
        )
        producer = IdempotentProducer(self._settings)
        try:
            producer.send(self._topic, command.id.encode(), command.to_json())
            producer.flush_or_raise()
        finally:
            producer.close()
        _log.warning("reader was asked", request=kind.value, table=str(table), keys=len(keys), reason=reason)
