"""What the sink counts. Metric objects are taken once; on the hot path there is one call for each fact."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from prometheus_client import Counter, Histogram

from cdc_runtime import metrics as names
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.metrics import Metrics


class SinkMetrics:
    """The sink's metrics."""

    def __init__(self, metrics: Metrics, group: str) -> None:
        self._operations = metrics.counter(names.SINK_OPERATIONS)
        self._by_result: dict[tuple[str, str, str], Counter] = {}
        self._consumed = metrics.counter(names.SINK_CONSUMED)
        self._consumed_by_topic: dict[str, Counter] = {}
        self._requests = metrics.histogram(names.SINK_REQUEST_DURATION)
        self._requests_by_status: dict[tuple[str, int], Histogram] = {}
        self._dead_letters = metrics.counter(names.SINK_DEAD_LETTERS)
        self._retries = metrics.counter(names.SINK_RETRIES)
        self._skipped = metrics.counter(names.SINK_SKIPPED)
        self._ignored_fields = metrics.counter(names.SINK_IGNORED_FIELDS)
        self._rebalances = metrics.counter(names.CONSUMER_REBALANCES)
        self._last_applied = metrics.gauge(names.CONSUMER_LAST_APPLIED)
        self._group = group
        self.collapsed = metrics.counter(names.SINK_COLLAPSED)
        self.end_to_end = metrics.histogram(names.SINK_END_TO_END)
        self.dead_letter_failures = metrics.counter(names.SINK_DEAD_LETTER_FAILURES)
        self.in_flight = metrics.gauge(names.SINK_INFLIGHT)
        self.in_flight_limit = metrics.gauge(names.SINK_INFLIGHT_LIMIT)
        self._circuit_open = metrics.gauge(names.SINK_CIRCUIT_OPEN)
        self._open_circuits: set[str] = set()
        self._held = metrics.gauge(names.SINK_HELD)
        self._failing = metrics.gauge(names.SINK_FAILING)
        self._lacking = metrics.gauge(names.SINK_LACKING)
        self._lacking_labels: set[tuple[str, str]] = set()
        self.replaced_text = metrics.counter(names.SINK_REPLACED_TEXT)
        self.future_versions = metrics.counter(names.SINK_FUTURE_VERSIONS)
        self.snapshots_asked = metrics.counter(names.SINK_SNAPSHOTS_ASKED)
        self.swept = metrics.counter(names.SINK_SWEPT)
        self.not_swept = metrics.counter(names.SINK_NOT_SWEPT)
        self.assigned = metrics.gauge(names.CONSUMER_ASSIGNED).labels(group)
        self.paused = metrics.gauge(names.CONSUMER_PAUSED).labels(group)
        self.standing = metrics.gauge(names.CONSUMER_STANDING).labels(group)
        self._begun_again = metrics.counter(names.CONSUMER_BEGUN_AGAIN)
        self.commit_failures = metrics.counter(names.CONSUMER_COMMIT_FAILURES).labels(group)
        self.commit_duration = metrics.histogram(names.CONSUMER_COMMIT_DURATION).labels(group)
        metrics.preset(
            names.SINK_RETRIES, [(reason,) for reason in ("no answer", "throttled", "server", "full", "foreign")]
        )

    def consumed(self, topic: str, count: int = 1) -> None:
        """Records were read."""
        counter = self._consumed_by_topic.get(topic)
        if counter is None:
            counter = self._consumed_by_topic[topic] = self._consumed.labels(topic)
        counter.inc(count)

    def operation(self, document_type: str, action: str, result: str) -> None:
        """An operation came to an end."""
        key = (document_type, action, result)
        counter = self._by_result.get(key)
        if counter is None:
            counter = self._by_result[key] = self._operations.labels(*key)
        counter.inc()

    def request(self, action: str, status: int, seconds: float) -> None:
        """A request was answered; statuses that stand for themselves are told apart, the others by class."""
        histogram = self._requests_by_status.get((action, status))
        if histogram is None:
            code = str(status) if status in (412, 429, 507) else f"{status // 100}xx" if status else "none"
            histogram = self._requests_by_status[action, status] = self._requests.labels(action, code)
        histogram.observe(seconds)

    def retry(self, reason: str) -> None:
        """An operation will be sent again."""
        self._retries.labels(reason).inc()

    def circuit(self, name: str, *, is_open: bool) -> None:
        """One of the breakers has opened or closed; one that closes says nothing of the others."""
        if is_open:
            self._open_circuits.add(name)
        else:
            self._open_circuits.discard(name)
        self._circuit_open.set(bool(self._open_circuits))

    def held(self, document_type: str, documents: int) -> None:
        """So many rejected documents of a type are held."""
        self._held.labels(document_type).set(documents)

    def failing(self, document_type: str, documents: int) -> None:
        """So many documents of a type fail each time while others are written."""
        self._failing.labels(document_type).set(documents)

    def lacking(self, rows: Mapping[tuple[str, str], int]) -> None:
        """So many rows were given up for want of a field, by table and field."""
        for labels in self._lacking_labels - rows.keys():
            self._lacking.labels(*labels).set(0)
        for labels, count in rows.items():
            self._lacking.labels(*labels).set(count)
        self._lacking_labels |= rows.keys()

    def skipped(self, reason: str) -> None:
        """A record needed no operation."""
        self._skipped.labels(reason).inc()

    def dead_letter(self, topic: str, stage: str) -> None:
        """A record went to the dead letters."""
        self._dead_letters.labels(topic, stage).inc()

    def ignored_fields(self, document_type: str) -> None:
        """Vespa took a document and left fields out of it."""
        self._ignored_fields.labels(document_type).inc()

    def applied(self, topic_partition: TopicPartition, written_ms: int) -> None:
        """Everything of a partition up to a record of this time is done."""
        self._last_applied.labels(self._group, topic_partition.topic, str(topic_partition.partition)).set(
            written_ms / 1000
        )

    def gone(self, topic_partition: TopicPartition) -> None:
        """A partition is no longer ours: what is known of it gets old elsewhere."""
        with contextlib.suppress(KeyError):
            self._last_applied.remove(self._group, topic_partition.topic, str(topic_partition.partition))

    def begun_again(self, cause: str) -> None:
        """A partition was begun again while it was ours: in another log (`anew`), or since nothing came (`silent`)."""
        self._begun_again.labels(self._group, cause).inc()

    def rebalanced(self, kind: str) -> None:
        """Partitions came (`assign`) or went (`revoke`, `lost`)."""
        self._rebalances.labels(self._group, kind).inc()
