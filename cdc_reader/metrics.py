"""The reader's metrics and health: what a session tells them, kept out of its way."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from cdc_reader.polling.poller import Poller
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.snapshot.runner import SnapshotRunner
from cdc_reader.tables.captured import CapturedTable, StreamedRelation
from cdc_runtime import metrics as names
from cdc_runtime.health import Health
from cdc_runtime.metric_definitions import MetricDef
from cdc_runtime.metrics import Metrics
from schemas.errors import Neighbour, RowferryError
from schemas.offsets import Position

_OPS = {0x49: "insert", 0x55: "update", 0x44: "delete", 0x54: "truncate"}
_EVERY_S = 1.0
_ROLE = "replication"
_SLOT_STATES = ("reserved", "extended", "unreserved", "lost")


class ReaderMetrics:
    """One for the life of the process."""

    def __init__(self, metrics: Metrics, health: Health, *, slot: str) -> None:
        self._health = health
        self._slot = slot
        self._relations: list[StreamedRelation] = []
        self._due = 0.0
        self._leader = metrics.gauge(names.READER_LEADER).labels(slot)
        self._connected = metrics.gauge(names.READER_CONNECTED).labels(slot)
        self._transactions = metrics.counter(names.READER_TRANSACTIONS).labels(slot)
        self._events = metrics.counter(names.READER_EVENTS)
        self._refetched = metrics.counter(names.READER_TOAST_REFETCHED)
        self._latency = metrics.histogram(names.READER_COMMIT_TO_PUBLISH)
        self._last_commit = metrics.gauge(names.READER_LAST_COMMIT).labels(slot)
        self._confirmed = metrics.gauge(names.READER_CONFIRMED_BYTES).labels(slot)
        self._commit_duration = metrics.histogram(names.KAFKA_COMMIT_DURATION)
        self._aborted = metrics.counter(names.KAFKA_TRANSACTIONS_ABORTED)
        self._reconnects = metrics.counter(names.READER_RECONNECTS)
        self._errors = metrics.counter(names.READER_ERRORS)
        self._rows = metrics.counter(names.SNAPSHOT_ROWS)
        self._chunks = metrics.counter(names.SNAPSHOT_CHUNKS)
        self._void = metrics.counter(names.SNAPSHOT_CHUNKS_VOID)
        self._state = metrics.gauge(names.SNAPSHOT_STATE)
        self._polls = metrics.counter(names.POLLS)
        self._poll_rows = metrics.counter(names.POLL_ROWS)
        self._poll_changes = metrics.counter(names.POLL_CHANGES)
        self._poll_last = metrics.gauge(names.POLL_LAST)
        self._set_aside = metrics.gauge(names.READER_NOT_STREAMED)
        self._not_streamed: Mapping[str, str] = {}
        self._made = metrics

    def standby(self, reason: str) -> None:
        """We wait for the slot: ready, since a rollout must not stall, but not the leader."""
        self._leader.set(0)
        self._connected.set(0)
        self._health.detail("role", lambda: "standby")
        self._health.detail("waits_for", lambda: reason)
        self._health.started()
        self._health.ready()

    def streaming(self) -> None:
        """The slot is ours and the stream runs."""
        self._leader.set(1)
        self._connected.set(1)
        self._health.detail("role", lambda: "leader")
        self._health.detail("waits_for", lambda: None)
        self._health.ready()
        self._health.tick()

    def not_streamed(self, reasons: Mapping[str, str]) -> None:
        """The tables and partitions that are selected and not captured: the whole of them, at every start."""
        for table in self._not_streamed.keys() - reasons.keys():
            self._set_aside.remove(table)
        for table in reasons:
            self._set_aside.labels(table).set(1)
        self._not_streamed = reasons
        self._health.detail("tables_not_streamed", lambda: reasons)

    def waiting(self, reason: str | None) -> None:
        """For whom a start waits; None when for nobody. Not ready until it streams, and `/readyz` says why."""
        self._health.detail("waits_for", lambda: reason)
        if reason is not None:
            self._health.not_ready(f"waits for {reason}")

    def without_messages(self, reason: str) -> None:
        """Why no table can be read whole; empty where all may be."""
        self._health.detail("messages_forbidden", lambda: reason or None)

    def slot_seen(self, slot: SlotRow | None, alarms: Sequence[str], *, idle_known: bool) -> None:
        """The slot as it is, None where there is none, and what is alarming about it; from any thread.

        `idle_known`: the server tells since when no one reads it.
        """
        for state in _SLOT_STATES:
            now = slot is not None and slot.wal_status == state
            self._made.gauge(names.READER_SLOT_STATE).labels(self._slot, state).set(1 if now else 0)
        self._show(names.READER_SLOT_RETAINED, None if slot is None else slot.kept_bytes)
        self._show(names.READER_SLOT_SAFE, None if slot is None else slot.safe_bytes)
        self._show(names.READER_SLOT_IDLE, None if slot is None or not idle_known else slot.idle_s or 0)
        self._show(names.READER_SLOT_ALARM, 1 if alarms else 0)
        self._health.detail("slot_in_danger", lambda: alarms or None)

    def _show(self, definition: MetricDef, value: float | None) -> None:
        """A value of the slot, or nothing where there is none."""
        gauge = self._made.gauge(definition)
        if value is None:
            gauge.remove(self._slot)
        else:
            gauge.labels(self._slot).set(value)

    def disturbed(self, error: RowferryError) -> None:
        """The session ended with an error that may pass."""
        self._connected.set(0)
        self._errors.labels(type(error).__name__).inc()
        self._reconnects.labels((error.neighbour or Neighbour.POSTGRES).value).inc()
        self._health.not_ready(str(error))

    def aborted(self) -> None:
        """A Kafka transaction was begun, and did not happen, or nobody heard whether it did."""
        self._aborted.inc()

    def bound(self, relation: StreamedRelation) -> None:
        """Count what comes for a relation from now on."""
        if relation not in self._relations:
            self._relations.append(relation)

    def refetched(self, table: CapturedTable, rows: int) -> None:
        """Rows were read again for their large columns."""
        self._refetched.labels(str(table.name)).inc(rows)

    def committed(self, position: Position, rows: int, transactions: int, seconds: float) -> None:
        """A Kafka transaction was committed."""
        self._commit_duration.observe(seconds)
        self._transactions.inc(transactions)
        self._confirmed.set(position.restart_lsn)
        if position.last is not None:
            self._last_commit.set(position.last.commit_ts_us / 1e6)
            if rows and transactions:
                self._latency.observe(max(0.0, time.time() - position.last.commit_ts_us / 1e6))

    def tick(self, runner: SnapshotRunner, poller: Poller) -> None:
        """Once round the loop; takes the counts over once a second."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _EVERY_S
        self._health.tick()
        for relation in self._relations:
            for tag, count in relation.take_counts().items():
                self._events.labels(str(relation.table.name), _OPS.get(tag, "message")).inc(count)
        self._take_scans(runner)
        self._take_polls(poller)

    def _take_scans(self, runner: SnapshotRunner) -> None:
        for table, done in runner.counts.take().items():
            self._rows.labels(table).inc(done.rows)
            self._chunks.labels(table).inc(done.chunks)
            self._void.labels(table).inc(done.void)
        troubles = runner.troubles
        self._health.detail("snapshots_waiting", lambda: troubles)
        for table, state in runner.counts.states(runner.scans).items():
            for name in ("pending", "running", "waiting", "held", "done"):
                self._state.labels(table, name).set(1 if name == state else 0)

    def _take_polls(self, poller: Poller) -> None:
        for table, done in poller.counts.take().items():
            self._poll_rows.labels(table).inc(done.rows)
            self._poll_changes.labels(table).inc(done.changes)
            for state, polls in (done.ended or {}).items():
                self._polls.labels(table, state).inc(polls)
            if done.at_us is not None:
                self._poll_last.labels(table).set(done.at_us / 1e6)
        waiting = dict(poller.troubles)
        self._health.detail("polls_waiting", lambda: waiting)

    def session_over(self) -> None:
        """Forget what belonged to one session."""
        self._relations.clear()
