"""
Settles finished works in Kafka transactions, and tells the local store after each commit (rule F1).

Rule 1: after an abort, or an outcome that is not known, what is remembered is read from the topics again, and the same
        works are settled again, before anything else: what had happened leads to nothing to write.
Rule 2: every transaction names a position, so that the broker refuses it when the group has moved on without us.
Rule 3: a work whose rows cannot be read now is put off; it holds up no other.

Edge; used by the thread that polls the consumer, between two polls. Leaves to others: when a transaction may be made
(`transaction_states`), and which works it holds (`waiting_works`).

Keeps: F1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import structlog

from cdc_runtime.backoff import Delays
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.local import ReferenceStore
from file_fetcher.settling import transaction_states as states
from file_fetcher.settling.publisher import ResultPublisher
from file_fetcher.settling.settlement import Settlement, UnreadableRows, put_off, settle
from file_fetcher.settling.transaction_states import InDoubt, Ready, State
from file_fetcher.settling.waiting_works import WaitingWorks
from file_fetcher.work import Again, Work
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_DELAYS = Delays(first_s=0.2, longest_s=30.0)
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
    """
    The transactions of one member.

    `catch_up` reads state partitions from the topics into the store, and waits so briefly that the member still polls.
    """

    def __init__(
        self,
        publisher: ResultPublisher,
        store: ReferenceStore,
        partitions: Partitions[TablePartition],
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
        self._state: State = Ready()
        self._works = WaitingWorks()

    @property
    def waiting(self) -> bool:
        """Whether works wait: for a transaction that did not happen, or for their turn."""
        return bool(self._works)

    @property
    def doubtful(self) -> bool:
        """Whether a transaction's outcome is not known, so that what is remembered may be wrong."""
        return bool(states.doubts(self._state))

    @property
    def due(self) -> bool:
        """Whether there are positions to be committed, or to be made more current (rule V7)."""
        return bool(self._partitions.due())

    @property
    def trouble(self) -> str:
        """Why the last transaction did not happen, while there is one to be made; empty where all is well."""
        reason = self._state.failures.reason
        return reason if reason and (self.waiting or self.doubtful or self.due) else ""

    def look(self, member: Membership) -> None:
        """Make the ages of all positions true (rule V7)."""
        self._partitions.look(member.end_of, _now_ms())

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget what waits for partitions that are no longer ours."""
        self._works.drop(set(partitions))

    def publish(self, works: Sequence[Work], member: Membership) -> list[Work]:
        """
        Settle works and commit the offsets behind them; returns those that are durable now, earlier ones included.

        Works that are not among them are kept for the next call. Raises `FatalError`.
        """
        self._works.add(works)
        if not self._certain():
            return []
        now_ms = _now_ms()
        batch = self._works.begin(lambda work: self._settle(work, now_ms))
        for work, _ in batch:
            if work.retry is None:
                self._partitions.done(work.topic_partition, work.record.offset)
        settlements = [settlement for _, settlement in batch]
        if not self._commit(settlements, [work.row.partition for work, _ in batch], member):
            return []
        self._works.happened()
        for work, settlement in batch:
            self._tell(work, settlement, now_ms)
        return [work for work, _ in batch]

    def publish_apart(self, settlements: Sequence[Settlement], partition: int, member: Membership) -> bool:
        """Publish what does not come from works (a floor's rows); whether it is durable now. Raises `FatalError`."""
        if self._works.unsettled or not self._certain():
            return False
        if not self._commit(settlements, [partition], member):
            return False
        self._metrics.ended(chain.from_iterable(each.results for each in settlements), _now_ms())
        return True

    def _settle(self, work: Work, now_ms: int) -> Settlement:
        return settle(work, self._store.get(work.row.record_id), self._own_topics, now_ms)

    def _certain(self) -> bool:
        """Whether a transaction may be made now; where there is doubt, what is remembered is read again first."""
        self._state = states.at(self._state, time.monotonic())
        if isinstance(self._state, InDoubt):
            try:
                self._publisher.ready()
                self._catch_up(sorted(self._state.in_doubt))
            except TransientError as exc:
                self._failed(exc, ())
            else:
                self._state = states.certain(self._state)
        return isinstance(self._state, Ready)

    def _commit(self, settlements: Sequence[Settlement], partitions: Iterable[int], member: Membership) -> bool:
        self.look(member)
        positions = self._partitions.due()
        if not positions and any(each.writes for each in settlements):
            positions = self._any_position()
        offsets = {topic_partition: position.next_offset for topic_partition, position in positions.items()}
        texts = {topic_partition: position.metadata for topic_partition, position in positions.items()}
        writes = chain.from_iterable(each.all_writes() for each in settlements)
        try:
            self._publisher.publish(writes, offsets, member.group_metadata, texts=texts)
        except TransientError as exc:
            self._failed(exc, partitions)
            return False
        except UnreadableRows as exc:
            # Nothing was committed, and that is known: no need to read anything again.
            put_off(exc.work, exc.reason, _now_ms() + _UNREADABLE_PAUSE_MS)
            _log.warning("rows of a file cannot be read", reason=str(exc), remedy=exc.remedy)
            self._metrics.transaction(committed=False)
            return False
        self._state = states.happened()
        self._store.apply(chain.from_iterable(each.changes for each in settlements))
        self._partitions.committed(positions)
        self._metrics.transaction(committed=True)
        return True

    def _any_position(self) -> dict[TopicPartition, CommittedPosition]:
        """Some position that is ours, as it is: only with one does the broker look at our membership (rule F1)."""
        for topic_partition, partition in self._partitions.items():
            if partition.position is not None:
                return {topic_partition: partition.position}
        return {}

    def _failed(self, problem: TransientError, partitions: Iterable[int]) -> None:
        pause_s = _DELAYS.bound_s(self._state.failures.count + 1)
        doubtful = {partition % self._own_topics.partitions for partition in partitions}
        self._state = states.failed(self._state, str(problem), doubtful, until=time.monotonic() + pause_s)
        self._metrics.transaction(committed=False)
        _log.warning("transaction did not happen", reason=str(problem), again_in_s=pause_s)

    def _tell(self, work: Work, settlement: Settlement, now_ms: int) -> None:
        self._metrics.ended(settlement.results, now_ms)
        if settlement.retries:
            for outcome in work.outcomes.values():
                if isinstance(outcome, Again):
                    self._metrics.retried(outcome.reason)
        if work.row.committed_ms:
            self._metrics.applied(work.topic_partition, work.row.committed_ms)


def _now_ms() -> int:
    return int(time.time() * 1000)
