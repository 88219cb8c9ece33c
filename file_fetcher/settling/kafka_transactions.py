"""
Settles finished works in Kafka transactions, and tells the local store after each commit (rule F1).

Rule 1: after an abort, or an outcome that nobody knows, what is remembered is read from the topics again, and the same
        works are settled again, before anything else: what had happened gives nothing to write.
Rule 2: an offset goes out with, or behind, everything that its event leads to.
Rule 3: every transaction names a position, so that the broker refuses it when the group has moved on without us.
Rule 4: a transaction stays well within its time: works that lead to many writes are shared out.
Rule 5: a work whose rows cannot be read now is put off; it holds up no other.

Edge; used by the thread that polls the consumer, between two polls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import structlog

from cdc_runtime.backoff import Delays
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.failures import FetchProblem
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.local import ReferenceStore
from file_fetcher.settling.publisher import ResultPublisher
from file_fetcher.settling.settlement import Settlement, settle
from file_fetcher.settling.writes import Write
from file_fetcher.work import Again, Got, Work
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_DELAYS = Delays(first_s=0.2, longest_s=30.0)
# About a second's work; a transaction has 30.
_MOST_WRITES = 20_000
_UNREADABLE_PAUSE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Membership:
    """
    What the Kafka client knew when it was polled last: who we are in the group, and where partitions end.

    Older than a rebalance, it is refused by the broker: what another member has by now is not written over.
    """

    group_metadata: object
    end_of: Callable[[TopicPartition], int | None]


class KafkaTransactions:
    """The transactions of one member. `catch_up` reads state partitions from the topics into the store."""

    def __init__(
        self,
        publisher: ResultPublisher,
        store: ReferenceStore,
        partitions: Partitions[Any],
        *,
        own_topics: OwnTopics,
        catch_up: Callable[[Sequence[int]], None],
        metrics: FetcherMetrics,
    ) -> None:
        self._publisher = publisher
        self._store = store
        self._partitions = partitions
        self._own_topics = own_topics
        self._catch_up = catch_up
        self._metrics = metrics
        self._again: list[Work] = []
        self._later: list[Work] = []
        self._settling: Work | None = None
        self._doubtful: set[int] = set()
        self._failures = 0
        self._problem = ""
        self._not_before = 0.0

    @property
    def waiting(self) -> bool:
        """Whether works wait: for a transaction that did not happen, or for their turn."""
        return bool(self._again or self._later)

    @property
    def doubtful(self) -> bool:
        """Whether a transaction's outcome is not known, so that what is remembered may be wrong."""
        return bool(self._doubtful)

    @property
    def trouble(self) -> str:
        """Why the last transaction did not happen, while there is one to be made; empty where all is well."""
        return self._problem if self._problem and (self.waiting or self.doubtful or self.due) else ""

    @property
    def pausing(self) -> bool:
        """Whether it is too early for another try."""
        return time.monotonic() < self._not_before

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget what waits for partitions that are no longer ours."""
        gone = set(partitions)
        self._again = [work for work in self._again if work.topic_partition not in gone]
        self._later = [work for work in self._later if work.topic_partition not in gone]

    def publish(self, works: Sequence[Work], member: Membership) -> list[Work]:
        """
        Settle works and commit the offsets behind them; gives those that are durable now, earlier ones included.

        Works that are not among them are kept for the next call. Raises `FatalError`.
        """
        self._later += works
        if self.pausing or not self._sure():
            return []
        now_ms = int(time.time() * 1000)
        settlements = self._settle(now_ms)
        batch, self._later = self._taken(len(settlements))
        self._again = batch
        for work in batch:
            if work.retry is None:
                self._partitions.done(work.topic_partition, work.record.offset)
        if not self._commit(settlements, [work.row.partition for work in batch], member, works=batch):
            return []
        self._again = []
        self._tell(batch, settlements, now_ms)
        return batch

    def _settle(self, now_ms: int) -> list[Settlement]:
        """Settle what may go into one transaction: first what was in one that did not happen."""
        settlements: list[Settlement] = []
        size = 0
        for work in chain(self._again, self._later):
            settlement = settle(work, self._store.get(work.row.record_id), self._own_topics, now_ms)
            size += settlement.size
            # The offsets of `_again` are done already: without their effects they must not be committed.
            if size > _MOST_WRITES and settlements and len(settlements) >= len(self._again):
                break
            settlements.append(settlement)
        return settlements

    def _taken(self, count: int) -> tuple[list[Work], list[Work]]:
        works = chain(self._again, self._later)
        return list(islice(works, count)), list(works)

    def publish_apart(self, settlements: Sequence[Settlement], partition: int, member: Membership) -> bool:
        """Publish what does not come from works (a floor's rows); whether it is durable now. Raises `FatalError`."""
        if self._again or self.pausing or not self._sure():
            return False
        if not self._commit(settlements, [partition], member):
            return False
        self._metrics.ended(chain.from_iterable(each.results for each in settlements), int(time.time() * 1000))
        return True

    def _commit(
        self,
        settlements: Sequence[Settlement],
        partitions: Iterable[int],
        member: Membership,
        *,
        works: Sequence[Work | None] = (),
    ) -> bool:
        positions = self._positions(member)
        if not positions and any(each.writes for each in settlements):
            positions = self._a_position()
        offsets = {topic_partition: position.next_offset for topic_partition, position in positions.items()}
        texts = {topic_partition: position.metadata for topic_partition, position in positions.items()}
        writes = self._writes(settlements, works or [None] * len(settlements))
        try:
            self._publisher.publish(writes, offsets, member.group_metadata, texts=texts)
        except TransientError as exc:
            self._failed(exc, partitions)
            return False
        except FetchProblem as exc:
            # Nothing was committed, and everybody knows: no need to read anything again.
            _put_off(self._settling, exc)
            self._metrics.transaction(committed=False)
            return False
        self._failures, self._problem = 0, ""
        self._store.apply(chain.from_iterable(each.changes for each in settlements))
        self._partitions.committed(positions)
        self._metrics.transaction(committed=True)
        return True

    def _writes(self, settlements: Iterable[Settlement], works: Iterable[Work | None]) -> Iterator[Write]:
        for settlement, self._settling in zip(settlements, works, strict=True):
            yield from settlement.all_writes()

    def _a_position(self) -> dict[TopicPartition, CommittedPosition]:
        """Some position that we hold, as it is: only with one does the broker look at our membership (rule F1)."""
        for topic_partition, partition in self._partitions.items():
            if partition.position is not None:
                return {topic_partition: partition.position}
        return {}

    @property
    def due(self) -> bool:
        """Whether there are positions to be committed, or to be made more current (rule V7)."""
        return bool(self._partitions.due())

    def _positions(self, member: Membership) -> dict[TopicPartition, CommittedPosition]:
        self._partitions.look(member.end_of, int(time.time() * 1000))
        return self._partitions.due()

    def _failed(self, problem: TransientError, partitions: Iterable[int]) -> None:
        self._failures += 1
        self._problem = str(problem)
        pause_s = _DELAYS.bound_s(self._failures)
        self._not_before = time.monotonic() + pause_s
        self._doubtful.update(partition % self._own_topics.partitions for partition in partitions)
        self._metrics.transaction(committed=False)
        _log.warning("transaction did not happen", reason=str(problem), again_in_s=pause_s)

    def _sure(self) -> bool:
        """Whether the store knows all that was committed."""
        if not self._doubtful:
            return True
        try:
            self._publisher.ready()
            self._catch_up(sorted(self._doubtful))
        except TransientError as exc:
            self._failed(exc, ())
            return False
        self._doubtful.clear()
        return True

    def _tell(self, batch: Sequence[Work], settlements: Sequence[Settlement], now_ms: int) -> None:
        for work, settlement in zip(batch, settlements, strict=True):
            self._metrics.ended(settlement.results, now_ms)
            if settlement.retries:
                for outcome in work.outcomes.values():
                    if isinstance(outcome, Again):
                        self._metrics.retried(outcome.reason)
            if work.row.committed_ms:
                self._metrics.applied(work.topic_partition, work.row.committed_ms)


def _put_off(work: Work | None, problem: FetchProblem) -> None:
    """Have the files tried again whose rows cannot be read; no attempt is used up."""
    if work is None:
        raise problem
    due_ms = int(time.time() * 1000) + _UNREADABLE_PAUSE_MS
    for file_id, outcome in work.outcomes.items():
        if isinstance(outcome, Got) and outcome.rows:
            work.outcomes[file_id] = Again(work.fetches[file_id].attempt, due_ms, problem.reason, outcome.origin)
    _log.warning("rows of a file cannot be read", reason=str(problem), remedy=problem.remedy)
