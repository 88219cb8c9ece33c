"""What the fetcher counts. Thread-safe: Prometheus' own objects are."""

from __future__ import annotations

from collections.abc import Iterable

from cdc_runtime import metrics as names
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.metric_definitions import MetricDef
from cdc_runtime.metrics import Metrics
from file_fetcher.settling.reference_diff import Change
from schemas.file_results import FileResult, Status


class FetcherMetrics:
    """The fetcher's metrics."""

    def __init__(self, metrics: Metrics, group: str) -> None:
        self._group = group
        self._metrics = metrics
        self._consumed = metrics.counter(names.FETCHER_CONSUMED)
        self._references = metrics.counter(names.FETCHER_REFERENCES)
        self._objects = metrics.counter(names.FETCHER_OBJECTS)
        self._durations = metrics.histogram(names.FETCHER_FETCH_DURATION)
        self._sizes = metrics.histogram(names.FETCHER_OBJECT_SIZE)
        self._bytes = metrics.counter(names.FETCHER_BYTES)
        self._throttles = metrics.counter(names.FETCHER_THROTTLES)
        self._rows = metrics.counter(names.FETCHER_ROWS)
        self._circuits = metrics.gauge(names.FETCHER_CIRCUIT_OPEN)
        self._transactions = metrics.counter(names.FETCHER_TRANSACTIONS)
        self._rebalances = metrics.counter(names.CONSUMER_REBALANCES)
        self._last_applied = metrics.gauge(names.CONSUMER_LAST_APPLIED)
        self._end_to_end = metrics.histogram(names.FETCHER_END_TO_END)
        self.in_flight = metrics.gauge(names.FETCHER_IN_FLIGHT)
        self.in_flight_limit = metrics.gauge(names.FETCHER_IN_FLIGHT_LIMIT)
        self.open = metrics.gauge(names.FETCHER_OPEN)
        self.retrying = metrics.gauge(names.FETCHER_RETRYING)
        self.oldest_waiting = metrics.gauge(names.FETCHER_OLDEST_WAITING)
        self.assigned = metrics.gauge(names.CONSUMER_ASSIGNED).labels(group)
        self.paused = metrics.gauge(names.CONSUMER_PAUSED).labels(group)
        self.standing = metrics.gauge(names.CONSUMER_STANDING).labels(group)
        self._begun_again = metrics.counter(names.CONSUMER_BEGUN_AGAIN)
        metrics.preset(names.FETCHER_REFERENCES, [(change.value,) for change in Change])
        metrics.preset(names.FETCHER_TRANSACTIONS, [("committed",), ("aborted",)])

    def consumed(self, topic: str) -> None:
        """A record was read."""
        self._consumed.labels(topic).inc()

    def referred(self, change: Change, count: int = 1) -> None:
        """References were compared with before."""
        if count:
            self._references.labels(change.value).inc(count)

    def downloaded(self, origin: str, size_bytes: int, seconds: float) -> None:
        """A download ended well."""
        self._durations.labels(origin).observe(seconds)
        self._sizes.labels(origin).observe(size_bytes)
        self._bytes.labels(origin).inc(size_bytes)

    def throttled(self, origin: str) -> None:
        """A store asked us to be slower."""
        self._throttles.labels(origin).inc()

    def count(self, metric: MetricDef, *labels: str) -> None:
        """One more of a counter."""
        self._metrics.counter(metric).labels(*labels).inc()

    def circuit(self, origin: str, *, is_open: bool) -> None:
        """An origin is left alone, or asked again."""
        self._circuits.labels(origin).set(1 if is_open else 0)

    def ended(self, results: Iterable[FileResult], now_ms: int) -> None:
        """Results are durable."""
        for result in results:
            self._objects.labels(result.status.value, result.reason).inc()
            if result.status is not Status.GONE and result.row_committed_ms:
                self._end_to_end.observe(max(0.0, (now_ms - result.row_committed_ms) / 1000))
            if result.extraction is not None:
                self._rows.labels("accepted").inc(result.extraction.rows_accepted)
                self._rows.labels("rejected").inc(result.extraction.rows_rejected)

    def retried(self, reason: str) -> None:
        """A reference waits for another try."""
        self._objects.labels("retried", reason).inc()

    def transaction(self, *, committed: bool) -> None:
        """A transaction has ended."""
        self._transactions.labels("committed" if committed else "aborted").inc()

    def begun_again(self, cause: str) -> None:
        """A partition was begun again while it was ours: in another log (`anew`), or since nothing came (`silent`)."""
        self._begun_again.labels(self._group, cause).inc()

    def rebalanced(self, kind: str) -> None:
        """Partitions came (`assign`) or went (`revoke`, `lost`)."""
        self._rebalances.labels(self._group, kind).inc()

    def applied(self, topic_partition: TopicPartition, committed_ms: int) -> None:
        """Everything of a partition up to a row of this commit time has ended."""
        self._last_applied.labels(self._group, topic_partition.topic, str(topic_partition.partition)).set(
            committed_ms / 1000
        )
