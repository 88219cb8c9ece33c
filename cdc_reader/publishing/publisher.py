"""
Edge: one Kafka transaction after another, each with the position that it reaches.

Rule 1: events and the position behind them are committed together, or neither is.
Rule 2: nothing is confirmed to PostgreSQL before `commit` has returned.
Rule 3: schemas are stored by a producer of their own before the first event that needs them (rule P10).

Keeps: P7, P9, P10.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from cdc_reader.publishing.event_sink import Header
from cdc_reader.transcode import TablePlan
from cdc_runtime.kafka.producer import RAW_ERRORS, IdempotentProducer, TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.offsets import POSITION_KEY, Position
from schemas.topics import Topics

_POLL_EVERY = 1_000  # librdkafka keeps a report per record until it is polled


class Publisher:
    """Takes events into the open transaction (begun when the first one comes) and commits it with a position.

    `rows` and `size` (bytes) describe the open transaction; zero when none is open. `is_open`: one was begun, and its
    commit has not returned.
    Raises what `TransactionalProducer` raises; after any error the publisher is closed and a new one is made (P7).
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        source: str,
        start_timeout_s: float,
        transaction_timeout_s: float,
        names_topics: bool = False,
    ) -> None:
        topics = Topics(settings.prefix)
        self._producer = TransactionalProducer(
            settings,
            f"{settings.prefix}.{source}",
            transaction_timeout_s=transaction_timeout_s,
            names_topics=names_topics,
        )
        self._schemas = IdempotentProducer(settings)
        self._schemas_topic = topics.schemas
        self._offsets_topic = topics.offsets(source)
        self._pending: dict[bytes, bytes | None] = {}
        self._stored: set[bytes] = set()
        self.rows = 0
        self.size = 0
        self.is_open = False
        self._began_at = 0.0
        self._start_timeout_s = start_timeout_s
        self._produce = self._producer.raw_produce

    def fence(self) -> None:
        """Take over the transactional id: older readers of this source can commit nothing from now on."""
        self._producer.init(self._start_timeout_s)

    @property
    def dirty(self) -> bool:
        """Whether something waits for a commit."""
        return bool(self.rows or self._pending)

    def age_s(self) -> float:
        """How long the open transaction has been open; 0 when none is."""
        return time.monotonic() - self._began_at if self.rows else 0.0

    def add(self, topic: str, key: bytes, value: bytes | None, ts_ms: int) -> None:
        """Publish an event; its key chooses the partition."""
        if not self.rows:
            self._begin()
        self.rows += 1
        self.size += len(value) if value is not None else 0
        try:
            self._produce(topic, value, key, timestamp=ts_ms)
        except RAW_ERRORS:
            # The wrapped call waits for room, or turns the error into one of ours.
            self._producer.produce(topic, key, value, timestamp_ms=ts_ms)
        if self.rows % _POLL_EVERY == 0:
            self._producer.poll()

    def add_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        ts_ms: int,
        *,
        partition: int | None,
        headers: Sequence[Header],
    ) -> None:
        """Publish a record that needs a partition of its own choice, or headers."""
        if not self.rows:
            self._begin()
        self.rows += 1
        self.size += len(value) if value is not None else 0
        self._producer.produce(topic, key, value, partition=partition, headers=tuple(headers), timestamp_ms=ts_ms)

    def record(self, key: bytes, value: bytes | None) -> None:
        """Write a record of `_offsets` with the next commit; the last one for a key wins."""
        self._pending[key] = value

    def store_plan(self, plan: TablePlan) -> None:
        """Make the schema of a plan durable in `_schemas`; does nothing when this publisher stored it before."""
        if plan.fingerprint not in self._stored:
            schema = json.dumps(plan.avro_schema, separators=(",", ":")).encode()
            self._schemas.send(self._schemas_topic, plan.fingerprint, schema)
            self._schemas.flush_or_raise()
            self._stored.add(plan.fingerprint)

    def _begin(self) -> None:
        self._producer.begin()
        self.is_open = True
        self._began_at = time.monotonic()

    def commit(self, position: Position) -> float:
        """Commit everything since the last commit, with this position; blocks until it is durable.

        Returns how many seconds that took.
        """
        began = time.monotonic()
        if not self.rows:
            self._begin()
        for key, value in self._pending.items():
            self._producer.produce(self._offsets_topic, key, value)
        self._producer.produce(self._offsets_topic, POSITION_KEY, position.to_json())
        self._producer.commit()
        self.is_open = False
        self._pending.clear()
        self.rows = 0
        self.size = 0
        return time.monotonic() - began

    def close(self) -> None:
        """Drop what is not committed."""
        self._producer.close()
        self._schemas.close()
