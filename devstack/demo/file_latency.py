"""
Edge: when the files of changed rows are in the index, as clients see it: from the row's commit to the document.

Results are read from their topic with stock clients; each is asked for in the index, the oldest first, until a document
of its version or a later one is there. A result that is looked at late counts as late, as with the marker rows.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from devstack.demo.index_client import IndexClient
from devstack.demo.latency import pause_s
from devstack.demo.sample_files import FILES
from devstack.errors import DevstackError

_ANSWER_S = 10.0
_RECORDS_AT_A_TIME = 200
_MISSES_IN_A_TURN = 3  # files that may be asked for in vain in one turn: asking must not become a load
_LAST_WAIT_S = 30.0
_GONE = "gone"

# librdkafka reports what the services report as well.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True


class FilesInIndex:
    """A context manager: `seconds` grows while it is entered; its end waits for documents still on their way."""

    def __init__(self, bootstrap_servers: str, topic: str, vespa_url: str) -> None:
        self.seconds: list[float] = []
        self._topic = topic
        self._index = IndexClient(vespa_url, document_type=FILES)
        self._waiting: dict[str, tuple[float, int]] = {}  # file id -> (commit of its row, version)
        self._stop_by: float | None = None
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._observe, name="files in the index", daemon=True)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "rowferry-demo-files",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            },
            logger=_SILENT,
        )

    def __enter__(self) -> Self:
        try:
            partitions = self._consumer.list_topics(self._topic, timeout=_ANSWER_S).topics[self._topic].partitions
            places = [TopicPartition(self._topic, each) for each in partitions]
            for place in places:
                place.offset = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_S)[1]
            self._consumer.assign(places)
        except KafkaException as exc:
            self._consumer.close()
            raise DevstackError(f"expected {self._topic} in Kafka, got {exc.args[0].str()}") from exc
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_by = time.monotonic() + (_LAST_WAIT_S if error is None else 0.0)
        self._thread.join()
        self._consumer.close()
        self._index.close()
        if self._failure is not None and error is None:
            raise DevstackError(f"expected to see files in the index, got {self._failure}") from self._failure

    def _observe(self) -> None:
        try:
            while self._stop_by is None or (self._waiting and time.monotonic() < self._stop_by):
                for message in self._consumer.consume(_RECORDS_AT_A_TIME, pause_s(self._longest_wait_s())):
                    if message.error() is None and (value := message.value()) is not None:
                        self._take(json.loads(value))
                self._ask()
        except (DevstackError, KafkaException, ValueError) as exc:
            self._failure = exc

    def _longest_wait_s(self) -> float:
        now = time.time()
        return now - min((committed for committed, _ in self._waiting.values()), default=now)

    def _take(self, result: dict[str, Any]) -> None:
        """A later result of a file takes the place of an earlier one; no one waits for what is gone."""
        if result["status"] == _GONE or not result["row_committed_ms"]:
            self._waiting.pop(result["file_id"], None)
        else:
            self._waiting[result["file_id"]] = (result["row_committed_ms"] / 1000, result["version"])

    def _ask(self) -> None:
        misses = 0
        for file_id in sorted(self._waiting, key=self._waiting.__getitem__):
            committed, version = self._waiting[file_id]
            document = self._index.document(file_id, f"{FILES}:version")
            if document is not None and document["version"] >= version:
                self.seconds.append(time.time() - committed)
                del self._waiting[file_id]
            elif (misses := misses + 1) == _MISSES_IN_A_TURN:
                return
