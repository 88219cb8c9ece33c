"""
Edge: when the workload's marker rows reach Kafka, as a stock client sees it: confluent-kafka, read committed, fastavro.

A marker carries the server's clock at its writing (`written_at`); its latency is the time from there to its receipt
here. Both clocks are this machine's.
"""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from types import TracebackType
from typing import Any, Self

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from devstack.errors import DevstackError

_MAGIC = b"\xc3\x01"  # Avro's single-object encoding: then 8 bytes of fingerprint, then the record
_POLL_S = 0.1
_ANSWER_S = 10.0
MARKER_TABLE = "activity_log"
MARKER_ORIGIN = "workload-"

# librdkafka reports what the services report as well.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True


class MarkersInKafka:
    """A context manager: `seconds` grows while it is entered. Raises DevstackError when Kafka cannot be asked."""

    def __init__(self, bootstrap_servers: str, prefix: str) -> None:
        self.seconds: list[float] = []
        self._topic = f"{prefix}.public.{MARKER_TABLE}"
        self._schemas_topic = f"{prefix}._schemas"
        self._schemas: dict[bytes, Any] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._observe, name="markers in kafka", daemon=True)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "rowferry-demo",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "log_level": 0,
            },
            logger=_SILENT,
        )

    def __enter__(self) -> Self:
        try:
            self._read_schemas()
            self._consumer.assign(self._ends(self._topic))
        except KafkaException as exc:
            self._consumer.close()
            raise DevstackError(f"expected the topics of the demo in Kafka, got {exc.args[0].str()}") from exc
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._consumer.close()

    def _read_schemas(self) -> None:
        """Read all schemas that there are: those of the markers are among them since the snapshot."""
        left = {place.partition: place.offset for place in self._ends(self._schemas_topic) if place.offset}
        self._consumer.assign([TopicPartition(self._schemas_topic, each, OFFSET_BEGINNING) for each in left])
        deadline = time.monotonic() + _ANSWER_S
        while left:
            message = self._consumer.poll(_POLL_S)
            if message is not None and (key := message.key()) is not None and (value := message.value()) is not None:
                self._schemas[key] = fastavro.parse_schema(json.loads(value))
            places = self._consumer.position([TopicPartition(self._schemas_topic, each) for each in left])
            left = {place.partition: left[place.partition] for place in places if place.offset < left[place.partition]}
            if time.monotonic() > deadline:
                raise DevstackError(f"expected to read {self._schemas_topic} in {_ANSWER_S:g} s, did not reach its end")

    def _ends(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic, each at its end."""
        found = self._consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic].partitions
        places = [TopicPartition(topic, each) for each in found]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_S)[1]
        return places

    def _observe(self) -> None:
        while not self._over.is_set():
            message = self._consumer.poll(_POLL_S)
            received = time.time()
            if message is not None and message.error() is None and (value := message.value()) is not None:
                self._measure(value, received)

    def _measure(self, value: bytes, received: float) -> None:
        schema = self._schemas.get(value[2:10])
        if not value.startswith(_MAGIC) or schema is None:
            return
        event: Any = fastavro.schemaless_reader(io.BytesIO(value[10:]), schema, None)
        row = event["after"]
        if event["op"] == "c" and row is not None and str(row["origin"]).startswith(MARKER_ORIGIN):
            self.seconds.append(received - row["written_at"].timestamp())
