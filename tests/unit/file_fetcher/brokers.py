"""Kafka as the fetcher's publisher sees it: transactions that happen, abort, or happen though nobody heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.errors import TransactionAborted
from file_fetcher.settling.writes import Write
from schemas.file_results import FileResult
from tests.unit.file_fetcher.rows import TOPICS

HAPPENS, ABORTS, UNHEARD = "happens", "aborts", "unheard"


class Broker:
    """A publisher: its transactions happen, abort, or happen although the publisher raises."""

    def __init__(self) -> None:
        self.fates: list[str] = []
        self.error: Exception = TransactionAborted("expected a commit, got none")
        self.log: list[Record] = []
        self.committed: dict[TopicPartition, int] = {}
        self.texts: dict[TopicPartition, str] = {}
        self.calls: list[tuple[list[Write], dict[TopicPartition, int], object]] = []
        self.readies = 0

    def ready(self) -> None:
        self.readies += 1

    def publish(
        self,
        writes: Iterable[Write],
        offsets: Mapping[TopicPartition, int],
        group_metadata: object,
        *,
        texts: Mapping[TopicPartition, str],
    ) -> None:
        made = list(writes)
        assert texts.keys() == offsets.keys()
        self.calls.append((made, dict(offsets), group_metadata))
        fate = self.fates.pop(0) if self.fates else HAPPENS
        if fate != ABORTS:
            start = len(self.log)
            self.log += [
                Record(w.topic, w.partition, start + n, w.key, w.value, 0, w.headers) for n, w in enumerate(made)
            ]
            self.committed.update(offsets)
            self.texts.update(texts)
        if fate != HAPPENS:
            raise self.error

    def files(self) -> list[FileResult]:
        """The results that were written, in their order."""
        return [FileResult.from_json(each.value or b"") for each in self.log if each.topic == TOPICS.files]

    def results(self) -> list[tuple[str, int]]:
        """Their files and versions."""
        return [(each.file_id, each.version) for each in self.files()]
