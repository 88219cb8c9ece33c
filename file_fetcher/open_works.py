"""
Edge: the works of one member that are open: started in the order of their rows, fetched by threads, finished, ended.

Rule 1: a record is done when everything it leads to is durable, or it leads to nothing.
Rule 2: what is under way for a partition that is no longer ours has no consequence.

Used by one thread, that of the Kafka client; fetches run in `downloads` and come back through a queue. Leaves to
others: the order of a row's works (`row_order`), what a work fetches (`work_plan`), and what it leads to.

Keeps: F1, V9.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Set
from functools import partial
from queue import Empty, SimpleQueue

from cdc_runtime.consuming.backpressure import Backpressure
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.fetching.fetch import Fetching
from file_fetcher.fetching.threads import Downloads, Over
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.references.local import ReferenceStore
from file_fetcher.settling.row_order import RowOrder
from file_fetcher.work import Fetch, Got, Outcome, Work
from file_fetcher.work_plan import plan


class OpenWorks:
    """From the offer of a work to its end."""

    def __init__(
        self,
        store: ReferenceStore,
        partitions: Partitions[TablePartition],
        fetching: Fetching,
        downloads: Downloads,
        *,
        backpressure: Backpressure[TopicPartition],
        metrics: FetcherMetrics,
    ) -> None:
        self._store = store
        self._backpressure = backpressure
        self._partitions = partitions
        self._fetching = fetching
        self._downloads = downloads
        self._metrics = metrics
        self._row_order = RowOrder()
        self._ended: SimpleQueue[tuple[Work, str, Outcome | None]] = SimpleQueue()
        self._finished: list[Work] = []
        self._retrying: set[str] = set()
        self.references = 0

    @property
    def retrying(self) -> Set[str]:
        """The ids of the files whose retry is under way."""
        return self._retrying

    @property
    def finished(self) -> int:
        """How many works have their outcomes and are not settled yet."""
        return len(self._finished)

    def open_in(self, topic_partition: TopicPartition) -> int:
        """How many works of a partition have not ended."""
        return self._row_order.open_in(topic_partition)

    def offer(self, work: Work) -> None:
        """Take a work in; it starts now or when its row's turn comes."""
        row = work.row
        ahead = self._row_order.ahead_of(work)
        if ahead is None and not row.references and self._store.get(row.record_id) is None:
            # By far the most rows: they refer to nothing, and never did.
            self._close(work)
            return
        self.references += work.cost
        self._backpressure.taken(work.topic_partition, work.size_bytes, work.cost)
        if work.retry is not None:
            self._retrying.add(work.retry.file_id)
        starts, needless = self._row_order.offer(work)
        for each in needless:
            self._forget(each)
        if starts:
            self._start(work)
        elif ahead is not None and ahead.cancelled:
            # What is under way says what the row no longer says: it is not waited for.
            self.end(ahead)

    def check(self) -> None:
        """Raise what a thread died of."""
        if self._downloads.error is not None:
            raise self._downloads.error

    def collect(self) -> None:
        """Take what the threads have brought."""
        while True:
            try:
                work, file_id, outcome = self._ended.get_nowait()
            except Empty:
                return
            if outcome is None or not self._row_order.is_current(work) or work.cancelled:
                continue
            work.outcomes[file_id] = outcome
            if work.finished:
                self._finished.append(work)

    def take_finished(self) -> list[Work]:
        """The works that have their outcomes, for a transaction."""
        works, self._finished = self._finished, []
        return works

    def end(self, work: Work) -> None:
        """A work needs nothing more; the next of its row may start."""
        if self._row_order.is_current(work):
            self._forget(work)
            next_work = self._row_order.done(work)
            if next_work is not None:
                self._start(next_work)

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Forget the works of partitions that are no longer ours; what is under way for them is cancelled."""
        gone = set(partitions)
        self._finished = [work for work in self._finished if work.topic_partition not in gone]
        for work in self._row_order.drop(gone):
            self.references -= work.cost
            if work.retry is not None:
                self._retrying.discard(work.retry.file_id)

    def _start(self, work: Work) -> None:
        record_id = work.row.record_id
        planned = plan(work, self._store.get(record_id), self._store.lost(record_id), int(time.time() * 1000))
        work.started = True
        work.fetches.update(planned.fetches)
        for change, count in planned.changes.items():
            self._metrics.referred(change, count)
        if work.finished:
            self._finished.append(work)
        for fetch in work.fetches.values():
            place = self._fetching.place(fetch, work.row.source_table)
            self._downloads.submit(partial(self._fetch, work, fetch), place)

    def _fetch(self, work: Work, fetch: Fetch, over: Over) -> None:
        """In a thread of the downloads."""
        outcome = None
        if not work.cancelled:
            outcome = self._fetching.fetch(
                fetch, work.row.source_table, cancelled=lambda: work.cancelled, downloaded=over
            )
        if isinstance(outcome, Got):
            self._downloads.keep(outcome, outcome.kept_bytes)
        self._ended.put((work, fetch.reference.file_id, outcome))

    def _forget(self, work: Work) -> None:
        self.references -= work.cost
        self._backpressure.done(work.topic_partition, work.size_bytes, work.cost)
        self._close(work)

    def _close(self, work: Work) -> None:
        if work.retry is None:
            self._partitions.done(work.topic_partition, work.record.offset)
        else:
            self._retrying.discard(work.retry.file_id)
