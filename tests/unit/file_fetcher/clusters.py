"""
Kafka as librdkafka's transactional producer sees it, with calls that never return.

A transaction happens at its commit, or never; a producer that takes over an id ends what the one before left open, and
refuses whatever comes from it later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from cdc_runtime.bounded_calls import BoundedCalls
from cdc_runtime.call_bounds import Call
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka import idle_clients, producer, producer_client
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.settling.publisher import ResultPublisher
from schemas.errors import Neighbour
from tests.unit.file_fetcher.brokers import Broker

_BOUND_S = 30.0


class _Client:
    """The producer of librdkafka."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._epoch = -1
        self._writes: list[tuple[str, int, bytes | None, bytes | None, Any]] = []
        self._offsets: dict[TopicPartition, int] = {}

    def init_transactions(self, wait_s: float) -> None:
        self._cluster.reached("init_transactions")
        self._cluster.epoch += 1
        self._cluster.open = None
        self._epoch = self._cluster.epoch

    def begin_transaction(self) -> None:
        self._cluster.reached("begin_transaction")
        self._refused()
        self._writes, self._offsets, self._cluster.open = [], {}, self

    def produce(
        self, topic: str, value: bytes | None, key: bytes | None, *, partition: int, timestamp: int, headers: Any = ()
    ) -> None:
        self._refused()
        self._writes.append((topic, partition, key, value, tuple(headers)))

    def poll(self, wait_s: float) -> None:
        self._cluster.reached("poll")

    def send_offsets_to_transaction(self, offsets: Sequence[Any], group_metadata: object, wait_s: float) -> None:
        self._cluster.reached("send_offsets_to_transaction")
        self._refused()
        self._offsets |= {TopicPartition(each.topic, each.partition): each.offset for each in offsets}

    def commit_transaction(self, wait_s: float) -> None:
        self._cluster.reached("commit_transaction")
        self._refused()
        self._cluster.commit(self._writes, self._offsets)

    def abort_transaction(self, wait_s: float) -> None:
        self._cluster.reached("abort_transaction")
        self._refused()
        self._cluster.open = None

    def purge(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        self._cluster.reached("close")

    def _refused(self) -> None:
        if self._epoch != self._cluster.epoch:
            raise KafkaException(KafkaError(KafkaError._FENCED))


class Cluster:
    """
    The brokers, and the ends of the process.

    `hangs`: the calls that will not return, each once, in the order in which they are reached. `let_go` has them return
    after all; `problems`: what calls raise, each once.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.epoch = 0
        self.open: _Client | None = None
        self.log: list[Record] = []
        self.committed: dict[TopicPartition, int] = {}
        self.hangs: list[str] = []
        self.problems: dict[str, KafkaException] = {}
        self.hung = 0
        self.let_go = threading.Event()
        self.reaches: list[str] = []
        self.ends: list[int] = []
        self.calls = BoundedCalls(self.ends.append)
        patch.setattr("cdc_runtime.bounded_calls.LOOK_S", 0.01)
        patch.setattr("cdc_runtime.bounded_calls.counted_s", lambda elapsed_s: _BOUND_S if self.stuck else 0.0)
        for module in (producer, producer_client, idle_clients):
            patch.setattr(module, "CALLS", self.calls)
        # Calls are those of the publisher alone.
        patch.setattr(idle_clients.Served, "serve_idle", lambda _: None)
        patch.setattr(producer, "transaction_bound_s", lambda transaction_s: _BOUND_S)
        patch.setattr(idle_clients, "SERVE", Call("poll", Neighbour.KAFKA, _BOUND_S))
        patch.setattr(producer, "make_client", lambda *_: _Client(self))
        self.publisher = ResultPublisher(KafkaSettings(), "files", 20.0)

    @property
    def stuck(self) -> bool:
        """Whether a call hangs of which nothing has become yet; nothing else is under way then, and only it counts."""
        return self.hung > self.calls.left and not self.ends

    def reached(self, call: str) -> None:
        self.reaches.append(call)
        if self.hangs and self.hangs[0] == call:
            del self.hangs[0]
            self.hung += 1
            self.let_go.wait(30)
        if (problem := self.problems.pop(call, None)) is not None:
            raise problem

    def commit(self, writes: Sequence[Any], offsets: dict[TopicPartition, int]) -> None:
        start = len(self.log)
        self.log += [Record(t, p, start + n, k, v, 0, headers) for n, (t, p, k, v, headers) in enumerate(writes)]
        self.committed |= offsets
        self.open = None

    def meanwhile(self, work: Callable[[], object], then: Callable[[], object]) -> None:
        """Do something in a thread; when `then` was done the calls return after all."""
        thread = threading.Thread(target=work)
        thread.start()
        try:
            then()
        finally:
            self.let_go.set()
            thread.join()


class ClusterBroker(Broker):
    """The publisher of the product on a cluster, in the place of one that is made by hand."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.log, self.committed = cluster.log, cluster.committed
        self.ready = cluster.publisher.ready  # type: ignore[method-assign]
        self.publish = cluster.publisher.publish  # type: ignore[method-assign,assignment]
