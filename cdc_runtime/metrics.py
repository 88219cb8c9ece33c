"""
The catalogue of metrics: every name, type, label, unit and meaning, as constants; nothing else names a metric.

Rules: base units; few labels with few values; no product of partition and table; a known set of labels is shown as 0
from the start (`Metrics.preset`). Events of snapshots and replays do not go into latencies of the stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from cdc_runtime.metric_definitions import MetricDef
from cdc_runtime.metric_definitions import counter as _counter
from cdc_runtime.metric_definitions import gauge as _gauge
from cdc_runtime.metric_definitions import histogram as _histogram

# From milliseconds to an hour: a replay must not fall off the end.
PIPELINE_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
CALL_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
M = TypeVar("M", bound=MetricWrapperBase)
RECORD_COUNTS = (1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000)


BUILD_INFO = MetricDef("rowferry_build_info", "info", (), "Service and version of this process.")

# -- every service

NEIGHBOUR_UP = _gauge(
    "rowferry_neighbour_up",
    "1 while PostgreSQL, Kafka or Vespa answers, 0 when it has not for `neighbour_timeout_s`.",
    "neighbour",
)

UNREADABLE_RECORDS = _counter(
    "rowferry_unreadable_records_total",
    "Records of the pipeline's own topics that could not be read and were passed over.",
    "topic",
)

# -- reader

READER_LEADER = _gauge("rowferry_reader_leader", "1 while this process holds the slot, 0 on standby.", "slot")
READER_CONNECTED = _gauge("rowferry_reader_connected", "1 while the replication connection is up.", "slot")
READER_RECEIVED_BYTES = _counter("rowferry_reader_received_bytes_total", "Bytes received from the slot.", "slot")
READER_TRANSACTIONS = _counter("rowferry_reader_transactions_total", "Source transactions published.", "slot")
READER_EVENTS = _counter("rowferry_reader_events_total", "Events published, by operation.", "table", "op")
READER_EVENTS_FILTERED = _counter(
    "rowferry_reader_events_filtered_total",
    "Changes received from the slot of tables that are not captured, and not published.",
    "table",
)
READER_NOT_STREAMED = _gauge(
    "rowferry_reader_table_not_streamed",
    "1 for a table, or a partition, that is selected and not captured; the log and /statusz say why.",
    "table",
)
READER_OMITTED_COLUMNS = _counter(
    "rowferry_reader_omitted_columns_total", "Columns published as omitted, since they cannot be carried.", "table"
)
READER_TOAST_REFETCHED = _counter(
    "rowferry_reader_toast_refetched_total",
    "Rows whose large columns had not changed, so that the stream lacked them, and that were read from the table.",
    "table",
)
READER_SCHEMA_CHANGES = _counter(
    "rowferry_reader_schema_changes_total", "Changes of a table's definition in the source.", "table"
)
READER_COMMIT_TO_PUBLISH = _histogram(
    "rowferry_reader_commit_to_publish_latency_seconds",
    "From the commit in PostgreSQL to the commit in Kafka.",
    buckets=PIPELINE_LATENCY_S,
)
READER_LAST_COMMIT = _gauge(
    "rowferry_reader_last_commit_timestamp_seconds",
    "Commit time of the newest transaction published, heartbeats included; lag is time() minus it.",
    "slot",
)
READER_LAST_FEEDBACK = _gauge(
    "rowferry_reader_last_feedback_timestamp_seconds", "When PostgreSQL was last told how far the reader is.", "slot"
)
READER_BACKPRESSURE = _gauge(
    "rowferry_reader_backpressure_active", "1 while the slot is not read because Kafka cannot follow."
)
READER_TRANSACTION_RECORDS = _histogram(
    "rowferry_reader_transaction_records", "Rows in a source transaction.", buckets=RECORD_COUNTS
)
READER_ERRORS = _counter("rowferry_reader_errors_total", "Errors that the reader met, by their class.", "kind")
READER_RECONNECTS = _counter("rowferry_reader_reconnects_total", "New connections after a loss.", "target")
READER_CONFIRMED_BYTES = _gauge(
    "rowferry_reader_confirmed_position_bytes", "Position confirmed to the slot, as a number.", "slot"
)

READER_SLOT_STATE = _gauge("rowferry_reader_slot_state", "1 on the server's word for the slot's WAL.", "slot", "state")
READER_SLOT_RETAINED = _gauge("rowferry_reader_slot_retained_bytes", "WAL that the server keeps for the slot.", "slot")
READER_SLOT_SAFE = _gauge("rowferry_reader_slot_safe_bytes", "WAL until the slot loses some, where bounded.", "slot")
READER_SLOT_IDLE = _gauge("rowferry_reader_slot_idle_seconds", "How long no one has read the slot.", "slot")
READER_SLOT_ALARM = _gauge("rowferry_reader_slot_alarm_active", "1 while the slot is lost, or in danger of it.", "slot")

# -- snapshot

SNAPSHOT_STATE = _gauge("rowferry_snapshot_state", "1 on the current state of each table's snapshot.", "table", "state")
SNAPSHOT_ROWS = _counter("rowferry_snapshot_rows_total", "Rows published by snapshots.", "table")
SNAPSHOT_CHUNKS = _counter(
    "rowferry_snapshot_chunks_total",
    "Chunks (ranges of the primary key, read in one statement) that were published.",
    "table",
)
SNAPSHOT_CHUNKS_VOID = _counter(
    "rowferry_snapshot_chunks_void_total",
    "Chunks that were read again, since rows of theirs changed meanwhile.",
    "table",
)
POLLS = _counter("rowferry_polls_total", "Polls by how they ended: done, held or failed.", "table", "state")
POLL_ROWS = _counter("rowferry_poll_rows_read_total", "Rows and keys that polls read.", "table")
POLL_CHANGES = _counter("rowferry_poll_changes_total", "Changes that polls found and published.", "table")
POLL_LAST = _gauge(
    "rowferry_poll_last_time_seconds", "When the last poll that read all of its table began (Unix time).", "table"
)
SNAPSHOT_ESTIMATED_ROWS = _gauge(
    "rowferry_snapshot_estimated_rows", "Rows that the statistics expect; an estimate.", "table"
)
SNAPSHOT_CHUNK_DURATION = _histogram(
    "rowferry_snapshot_chunk_duration_seconds",
    "From the start of reading a chunk until it is published.",
    buckets=CALL_LATENCY_S,
)

# -- Kafka producers

KAFKA_PRODUCED = _counter("rowferry_kafka_produced_records_total", "Records produced.", "topic")
KAFKA_PRODUCE_ERRORS = _counter("rowferry_kafka_produce_errors_total", "Records that could not be produced.", "code")
KAFKA_COMMIT_DURATION = _histogram(
    "rowferry_kafka_transaction_commit_duration_seconds",
    "How long Kafka transactions take to commit.",
    buckets=CALL_LATENCY_S,
)
KAFKA_TRANSACTIONS_ABORTED = _counter(
    "rowferry_kafka_transactions_aborted_total",
    "Kafka transactions that were aborted; the reader publishes what was in them again.",
)

# -- consumers

CONSUMER_LAST_APPLIED = _gauge(
    "rowferry_consumer_last_applied_commit_timestamp_seconds",
    "Source commit time of the newest record applied.",
    "group",
    "topic",
    "partition",
)
CONSUMER_ASSIGNED = _gauge("rowferry_consumer_assigned_partitions", "Partitions that this process reads.", "group")
CONSUMER_REBALANCES = _counter(
    "rowferry_consumer_rebalances_total",
    "How often partitions were assigned to this process or taken from it.",
    "group",
    "kind",
)
CONSUMER_COMMIT_DURATION = _histogram(
    "rowferry_consumer_commit_duration_seconds", "How long offset commits take.", "group", buckets=CALL_LATENCY_S
)
CONSUMER_COMMIT_FAILURES = _counter("rowferry_consumer_commit_failures_total", "Offset commits that failed.", "group")
CONSUMER_PAUSED = _gauge(
    "rowferry_consumer_paused_partitions",
    "Partitions that are not read for now, since as many records are under way as the settings allow.",
    "group",
)
CONSUMER_STANDING = _gauge(
    "rowferry_consumer_standing_partitions",
    "Partitions with something left to do that have not moved for a minute; the log says why.",
    "group",
)
CONSUMER_BEGUN_AGAIN = _counter(
    "rowferry_consumer_partitions_begun_again_total",
    "Partitions that a running process began again: `anew`: the topic was made again; `silent`: nothing came.",
    "group",
    "cause",
)

# -- sink

SINK_CONSUMED = _counter("rowferry_sink_records_consumed_total", "Records read.", "topic")
SINK_OPERATIONS = _counter(
    "rowferry_sink_operations_total",
    "Operations on the index by result; `superseded`: the index has a newer version.",
    "document_type",
    "operation",
    "result",
)
SINK_COLLAPSED = _counter(
    "rowferry_sink_collapsed_records_total", "Records that a newer one of the same key replaced before writing."
)
SINK_REQUEST_DURATION = _histogram(
    "rowferry_sink_request_duration_seconds", "Requests to Vespa.", "operation", "code", buckets=CALL_LATENCY_S
)
SINK_END_TO_END = _histogram(
    "rowferry_sink_end_to_end_latency_seconds",
    "From the commit in PostgreSQL to the answer of Vespa; streamed changes only.",
    buckets=PIPELINE_LATENCY_S,
)
SINK_RETRIES = _counter("rowferry_sink_retries_total", "Writes sent to Vespa again.", "reason")
SINK_SKIPPED = _counter("rowferry_sink_records_skipped_total", "Records that need no write to Vespa.", "reason")
SINK_DEAD_LETTERS = _counter(
    "rowferry_sink_dead_letters_total", "Records written to the dead letters.", "topic", "reason"
)
SINK_DEAD_LETTER_FAILURES = _counter(
    "rowferry_sink_dead_letter_failures_total", "Dead letters that could not be written; the partition stops."
)
SINK_INFLIGHT = _gauge("rowferry_sink_inflight_operations", "Operations sent and not answered.")
SINK_INFLIGHT_LIMIT = _gauge(
    "rowferry_sink_inflight_limit_operations", "How many operations may be in flight now; the sink adapts it."
)
SINK_CIRCUIT_OPEN = _gauge(
    "rowferry_sink_circuit_open", "1 while writes of a document type pause, since Vespa rejects its documents."
)
SINK_HELD = _gauge(
    "rowferry_sink_held_documents", "Rejected documents that are sent again until they are final.", "document_type"
)
SINK_FAILING = _gauge(
    "rowferry_sink_failing_documents",
    "Documents that are answered with an error each time, while others are written.",
    "document_type",
)
SINK_LACKING = _gauge(
    "rowferry_sink_lacking_field_rows",
    "Rows that were given up since the index lacks a field; read again once it has it.",
    "table",
    "field",
)
SINK_IGNORED_FIELDS = _counter(
    "rowferry_sink_ignored_fields_total",
    "Writes of which Vespa left out fields, since its application does not know them.",
    "document_type",
)
SINK_REPLACED_TEXT = _counter(
    "rowferry_sink_replaced_code_points_total", "Code points that Vespa refuses, written as U+FFFD."
)
SINK_FUTURE_VERSIONS = _counter(
    "rowferry_sink_future_versions_total",
    "Writes that Vespa refused since its document has a version from the future: newer rows are being refused.",
)
SINK_SNAPSHOTS_ASKED = _counter(
    "rowferry_sink_snapshots_asked_total", "Tables asked to be read again, since deletes may be missing."
)
SINK_SWEPT = _counter(
    "rowferry_sink_swept_documents_total",
    "Documents removed since their row is gone: its table was truncated, or read whole without it.",
)
SINK_NOT_SWEPT = _counter(
    "rowferry_sink_floor_leftovers_total",
    "Documents of rows that are gone, and that stay, since their id is not their doc_id.",
)

# -- fetcher

FETCHER_CONSUMED = _counter("rowferry_fetcher_records_consumed_total", "Records read.", "topic")
FETCHER_REFERENCES = _counter(
    "rowferry_fetcher_references_total",
    "References found in rows, by what the row says against what it said before (new, changed, same, gone).",
    "change",
)
FETCHER_OBJECTS = _counter(
    "rowferry_fetcher_objects_total",
    "Ends of fetches: fetched, skipped, failed, retried or gone, with the reason of those that were not fetched.",
    "result",
    "reason",
)
FETCHER_FETCH_DURATION = _histogram(
    "rowferry_fetcher_fetch_duration_seconds",
    "Time of a download, from the request to the last byte.",
    "place",
    buckets=CALL_LATENCY_S,
)
FETCHER_OBJECT_SIZE = _histogram(
    "rowferry_fetcher_object_size_bytes",
    "Sizes of what was downloaded.",
    "place",
    buckets=(1e3, 1e4, 1e5, 1e6, 1e7, 1e8),
)
FETCHER_BYTES = _counter("rowferry_fetcher_bytes_total", "Bytes downloaded.", "place")
FETCHER_THROTTLES = _counter("rowferry_fetcher_throttles_total", "Times a store asked us to be slower.", "place")
FETCHER_CACHE = _counter(
    "rowferry_fetcher_cache_lookups_total",
    "Lookups of bytes of files (`content`) and of what parsers read of them (`extraction`): known already, or not.",
    "kind",
    "result",
)
FETCHER_EXTRACTIONS = _counter("rowferry_fetcher_extractions_total", "Files read by a parser.", "parser", "status")
FETCHER_ROWS = _counter("rowferry_fetcher_spreadsheet_rows_total", "Rows of spreadsheets published.", "result")
FETCHER_IN_FLIGHT = _gauge("rowferry_fetcher_inflight_downloads", "Downloads under way.")
FETCHER_IN_FLIGHT_LIMIT = _gauge(
    "rowferry_fetcher_inflight_limit_downloads", "How many downloads may run at once now; the fetcher adapts it."
)
FETCHER_OPEN = _gauge(
    "rowferry_fetcher_open_references",
    "References to files that were read and whose files are not yet fetched, skipped, failed or gone.",
)
FETCHER_RETRYING = _gauge("rowferry_fetcher_retrying_references", "References that wait for another attempt.")
FETCHER_OLDEST_WAITING = _gauge(
    "rowferry_fetcher_oldest_waiting_seconds",
    "Age of the oldest reference whose file is not yet fetched, skipped, failed or gone; 0 without one.",
)
FETCHER_CIRCUIT_OPEN = _gauge(
    "rowferry_fetcher_circuit_open",
    "1 while a bucket or host is not asked, since it failed several times in a row.",
    "place",
)
FETCHER_TRANSACTIONS = _counter(
    "rowferry_fetcher_transactions_total", "Kafka transactions of results, by how they ended.", "result"
)
FETCHER_END_TO_END = _histogram(
    "rowferry_fetcher_end_to_end_latency_seconds",
    "Time from the row's commit in the source to the result, streamed rows only.",
    buckets=PIPELINE_LATENCY_S,
)

CATALOGUE: tuple[MetricDef, ...] = tuple(value for value in list(globals().values()) if isinstance(value, MetricDef))


class Metrics:
    """The metrics of one process, on a registry of their own; each is made at its first use."""

    def __init__(self, service: str, version: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._made: dict[str, MetricWrapperBase] = {}
        info = Info(BUILD_INFO.name.removesuffix("_info"), BUILD_INFO.help, registry=self.registry)
        info.info({"service": service, "version": version})
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def counter(self, definition: MetricDef) -> Counter:
        """The counter of a definition; take it (and its labels) once, outside hot loops."""
        return self._metric(definition, Counter)

    def gauge(self, definition: MetricDef) -> Gauge:
        """The gauge of a definition."""
        return self._metric(definition, Gauge)

    def histogram(self, definition: MetricDef) -> Histogram:
        """The histogram of a definition."""
        return self._metric(definition, Histogram)

    def preset(self, definition: MetricDef, values: Iterable[tuple[str, ...]]) -> None:
        """Show known label values as 0 from the start, so that rates see the first increase."""
        metric = self._made.get(definition.name) or self._make(definition)
        for labels in values:
            metric.labels(*labels)

    def _metric(self, definition: MetricDef, kind: type[M]) -> M:
        metric = self._made.get(definition.name) or self._make(definition)
        if not isinstance(metric, kind):
            raise TypeError(f"expected {definition.name} to be used as a {definition.type}")
        return metric

    def _make(self, definition: MetricDef) -> MetricWrapperBase:
        name, help_, labels = definition.name, definition.help, definition.labels
        metric: MetricWrapperBase
        if definition.type == "counter":
            metric = Counter(name, help_, labels, registry=self.registry)
        elif definition.type == "gauge":
            metric = Gauge(name, help_, labels, registry=self.registry)
        else:
            metric = Histogram(name, help_, labels, buckets=definition.buckets, registry=self.registry)
        self._made[name] = metric
        return metric


def metrics_reference() -> str:
    """Markdown: one row per metric, from the catalogue."""
    rows = [
        f"| `{metric.name}` | {metric.type} | {', '.join(metric.labels) or 'none'} | {metric.help} |"
        for metric in CATALOGUE
    ]
    return "\n".join(["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows, ""])
