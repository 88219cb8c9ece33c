"""
From the messages of the stream to records in the open Kafka transaction. The hot loop of the reader.

One pass over a batch; the usual change costs one call of the encoder and one of the producer. What is rare (key
changes, unchanged large columns, truncates, rows that do not fit) leaves the loop through `_rare`.
Rules P4, P6 and S1 are kept by `transactions`, P8 and the shapes of rows by `row_assembly`.

Keeps: D3, D4, P6, P8, P9, V2, V5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cdc_reader.pgoutput.decoder import decode
from cdc_reader.pgoutput.messages import Begin, Commit, LogicalMessage, Relation, Truncate
from cdc_reader.postgres.replication import Payload
from cdc_reader.postgres.wal_messages import MESSAGE_PREFIX
from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.publishing.floors import Floors
from cdc_reader.publishing.tombstones import publish_tombstone
from cdc_reader.stream.toast_refetch import FetchedRow, Refetched
from cdc_reader.stream.transactions import Transactions
from cdc_reader.tables.captured import CapturedTable, StreamedRelation, Tables
from cdc_reader.transcode import UNCARRIABLE, ChangeParts, EventContext, Unfit
from cdc_reader.transcode.row_assembly import assemble, before_of, key_of, missing_columns, moved_from
from schemas.envelope import MODE_STREAM, OP_CREATE, OP_DELETE
from schemas.errors import ProtocolError

_INSERT, _UPDATE, _DELETE = 0x49, 0x55, 0x44
_BEGIN, _COMMIT, _RELATION, _TRUNCATE, _MESSAGE = 0x42, 0x43, 0x52, 0x54, 0x4D
_WITH_NEW_ROW = (_INSERT, _UPDATE)  # an insert lacks columns where the plugin cannot tell them (`wal2json`)
_PASSED_OVER = frozenset(b"OY")  # Origin and Type: nothing of ours depends on them
PREFETCH_ROWS = 200


class StreamListener(Protocol):
    """Who is told what the stream brings besides rows (`session.Session`)."""

    def relation_received(self, relation: Relation) -> None:
        """A definition came: bind it to its table."""

    def row_unread(self, table: CapturedTable, key: bytes) -> None:
        """A row went out without its unchanged columns: it must be read again."""

    def row_unnamed(self, table: CapturedTable) -> None:
        """A change came that does not name its row: the table must be read again."""

    def leaf_truncated(self, table: CapturedTable) -> None:
        """A partition was emptied: its root must be read again."""

    def truncated(self, table: CapturedTable) -> None:
        """A table was emptied: its open chunks are void."""

    def own_message(self, content: str, lsn: int, context: EventContext) -> None:
        """A message of ours came back."""


class Refetch(Protocol):
    """Reads rows again (`toast_refetch.Refetcher`)."""

    def __call__(self, relation: StreamedRelation, keys: Sequence[bytes], xids: set[int]) -> Refetched | None:
        """Rows read again that see these transactions (rule V5); None when they cannot be had in time."""


@dataclass(frozen=True, slots=True)
class Companions:
    """Whom the stream asks and tells. `now_us`: the wall clock, in microseconds since the Unix epoch.

    `transaction_done`: a source transaction is whole, and the Kafka transaction may be committed; `bounds_reached`:
    it is full inside a source transaction and must be (rule P6). `ends`: nothing is to follow a whole transaction.
    `left_out`: columns of a row went out without their values, with the reasons.
    """

    now_us: Callable[[], int]
    refetch: Refetch
    transaction_done: Callable[[], None]
    bounds_reached: Callable[[], None]
    ends: Callable[[], bool]
    left_out: Callable[[CapturedTable, Sequence[tuple[str, str]]], None]
    listener: StreamListener


@dataclass(frozen=True, slots=True)
class EventLimits:
    """Bounds of one Kafka transaction in rows and bytes, and of one event in bytes."""

    rows: int
    size: int
    event_bytes: int


class Changes:
    """Handles batches."""

    def __init__(
        self,
        *,
        transactions: Transactions,
        tables: Tables,
        sink: EventSink,
        versions: Versions,
        floors: Floors,
        companions: Companions,
        limits: EventLimits,
    ) -> None:
        self._transactions = transactions
        self._tables = tables
        self._sink = sink
        self._versions = versions
        self._floors = floors
        self._companions = companions
        self._limits = limits
        self._context: EventContext | None = None
        self._ts_ms = 0
        self._fetched: dict[tuple[int, bytes], FetchedRow | None] = {}
        self._unfetched: set[int] = set()  # relations whose rows could not be had in this batch

    def handle(self, batch: Sequence[Payload]) -> None:
        """Publish a batch, in order, up to the transaction that all `ends` with.

        Raises `ProtocolError`, `GapFound`, and what the sink raises.
        """
        transactions, by_wire, sink = self._transactions, self._tables.by_wire, self._sink
        versions, event_limit = self._versions, self._limits.event_bytes
        max_rows, max_bytes = self._limits.rows, self._limits.size
        now_us = self._companions.now_us()
        self._fetched.clear()
        self._unfetched.clear()
        for at, (lsn, data) in enumerate(batch):
            tag = data[0] if data else 0
            if tag not in (_INSERT, _UPDATE, _DELETE):
                self._other(tag, lsn, data)
                if tag == _COMMIT and self._companions.ends():
                    return
                continue
            transactions.ordinal += 1
            if transactions.ordinal <= transactions.skip:
                continue
            relation = by_wire.get(data[1:5])
            if relation is None:
                self._unnamed(tag, data[1:5])
                continue
            context = self._context
            if context is None:
                raise ProtocolError("expected a begin before a change, got none")
            version = versions.next(now_us)
            try:
                key, value, rare = relation.change(data, context, lsn, version, transactions.ordinal)
            except Unfit:
                key, value, rare = b"", b"", UNCARRIABLE
            if rare or len(value) > event_limit:
                self._rare(relation, lsn, at, batch)
            else:
                sink.add(relation.topic, key, value, self._ts_ms)
                if relation.windows:
                    relation.overtake(key)
                if tag == _DELETE:
                    self._tombstone(relation.table, key, version)
            relation.counts[tag] += 1
            if sink.rows >= max_rows or sink.size >= max_bytes:
                self._companions.bounds_reached()

    def _unnamed(self, tag: int, wire: bytes) -> None:
        """A change of a table that is not captured, or one that does not name its row: its table is read again (D4)."""
        relation = self._tables.keyless.get(wire)
        if relation is None:
            return
        relation.counts[tag] += 1
        self._read_again_whole(relation, tag)

    def _read_again_whole(self, relation: StreamedRelation, tag: int) -> None:
        if tag == _DELETE:
            relation.table.count_delete()
        self._companions.listener.row_unnamed(relation.table)

    def _other(self, tag: int, lsn: int, data: bytes) -> None:
        if tag in _PASSED_OVER:
            return
        match decode(data):
            case Begin() as begin:
                self._on_begin(begin)
            case Commit() as commit:
                self._transactions.on_commit(commit)
                self._context = None
                self._companions.transaction_done()
            case Relation() as relation:
                self._companions.listener.relation_received(relation)
            case Truncate() as truncate:
                self._on_truncate(truncate, lsn)
            case LogicalMessage() as message:
                self._on_message(message, lsn)
            case other:
                raise ProtocolError(f"expected a message of protocol 1, got {type(other).__name__}")

    def _on_begin(self, begin: Begin) -> None:
        self._transactions.on_begin(begin)
        self._ts_ms = begin.commit_ts_us // 1000
        now_ms = self._companions.now_us() // 1000
        self._context = EventContext(MODE_STREAM, begin.xid, begin.final_lsn.value, begin.commit_ts_us, now_ms)

    def _on_truncate(self, truncate: Truncate, lsn: int) -> None:
        self._transactions.ordinal += 1
        if self._transactions.ordinal <= self._transactions.skip:
            return
        context = self._context
        if context is None:
            raise ProtocolError("expected a begin before a truncate, got none")
        for oid in truncate.relation_oids:
            wire = oid.to_bytes(4, "big")
            relation = self._tables.by_wire.get(wire) or self._tables.keyless.get(wire)
            if relation is None:
                continue
            if relation.leaf:  # a leaf's truncate is not its root's (rule D3)
                self._companions.listener.leaf_truncated(relation.table)
                continue
            version = self._versions.next(self._companions.now_us())
            self._floors.truncate(relation.table, version, context=context, lsn=lsn, ordinal=self._transactions.ordinal)
            relation.counts[_TRUNCATE] += 1
            self._companions.listener.truncated(relation.table)

    def _on_message(self, message: LogicalMessage, lsn: int) -> None:
        if not message.transactional:
            return
        self._transactions.ordinal += 1
        if self._transactions.ordinal <= self._transactions.skip or message.prefix != MESSAGE_PREFIX:
            return
        if self._context is None:
            raise ProtocolError("expected a begin before a transactional message, got none")
        self._companions.listener.own_message(message.content.decode("utf-8", "replace"), lsn, self._context)

    def _tombstone(self, table: CapturedTable, key: bytes, version: int) -> None:
        """Behind every delete: what compaction leaves of the row, with its version (rule V2)."""
        table.count_delete()
        publish_tombstone(self._sink, table.topic, key, version, self._ts_ms)

    def _rare(self, relation: StreamedRelation, lsn: int, at: int, batch: Sequence[Payload]) -> None:
        """A change that takes more than one go: in Avro from its single columns."""
        encoder, limit = relation.encoder, self._limits.event_bytes
        try:
            parts = encoder.split(batch[at][1])
            key_of(encoder, parts)
            old_key = moved_from(encoder, parts)
        except Unfit:  # what it is about is not known: its table is read again, and nothing else waits for it
            self._read_again_whole(relation, batch[at][1][0])
            return
        before = before_of(encoder, parts, max_bytes=limit)
        op = parts.op
        if old_key is not None:
            self._publish(relation, OP_DELETE, old_key, lsn, before=before)
            op, before = OP_CREATE, None
        if parts.new is None:
            self._publish(relation, OP_DELETE, key_of(encoder, parts), lsn, before=before)
            return
        self._publish_row(relation, op, parts, lsn, before=before, at=at, batch=batch)

    def _publish_row(
        self,
        relation: StreamedRelation,
        op: str,
        parts: ChangeParts,
        lsn: int,
        *,
        before: tuple[str, bytes] | None,
        at: int,
        batch: Sequence[Payload],
    ) -> None:
        encoder = relation.encoder
        assert parts.new is not None
        key = encoder.key_of(parts.new)
        columns = encoder.columns(parts.new)
        fetched: FetchedRow | None = None
        gone = False
        if missing_columns(encoder, columns):
            fetched, gone = self._fetch(relation, key, at, batch)
        room = self._limits.event_bytes - (len(before[1]) if before else 0)
        row = assemble(encoder, columns, fetched, gone=gone, max_bytes=room)
        self._publish(
            relation, op, key, lsn, before=before, after=row.row, refetched=row.refetched, omitted=row.omitted
        )
        if row.omitted:
            self._companions.left_out(relation.table, row.omitted)
        if row.again:
            self._companions.listener.row_unread(relation.table, key)

    def _publish(
        self,
        relation: StreamedRelation,
        op: str,
        key: bytes,
        lsn: int,
        *,
        before: tuple[str, bytes] | None,
        after: bytes | None = None,
        refetched: Sequence[str] = (),
        omitted: Sequence[tuple[str, str]] = (),
    ) -> None:
        assert self._context is not None
        version = self._versions.next(self._companions.now_us())
        event = relation.encoder.event(
            op,
            self._context,
            lsn=lsn,
            version=version,
            ordinal=self._transactions.ordinal,
            before=before,
            after=after,
            refetched=refetched,
            omitted=omitted,
        )
        self._sink.add(relation.topic, key, event, self._ts_ms)
        if relation.windows:
            relation.overtake(key)
        if op == OP_DELETE:
            self._tombstone(relation.table, key, version)

    def _fetch(
        self, relation: StreamedRelation, key: bytes, at: int, batch: Sequence[Payload]
    ) -> tuple[FetchedRow | None, bool]:
        """A row read again, and whether it is gone. Reads ahead for the rest of the batch.

        A read that failed is not tried again within the batch: each would wait its whole time.
        """
        oid = relation.relation.oid
        if oid in self._unfetched:
            return None, False
        if (oid, key) not in self._fetched:
            keys, xids = self._ahead(relation, at, batch)
            self._read_again(relation, keys, xids)
            if (oid, key) not in self._fetched and oid not in self._unfetched:
                self._read_again(relation, [key], xids)  # the rows before it were too large to be read together
        fetched = self._fetched.get((oid, key))
        return fetched, fetched is None and oid not in self._unfetched

    def _read_again(self, relation: StreamedRelation, keys: Sequence[bytes], xids: set[int]) -> None:
        oid = relation.relation.oid
        found = self._companions.refetch(relation, keys, xids)
        if found is None:
            self._unfetched.add(oid)
            return
        known = found.rows if found.cut else {key: found.rows.get(key) for key in keys}
        self._fetched.update({(oid, key): row for key, row in known.items()})

    def _ahead(self, relation: StreamedRelation, at: int, batch: Sequence[Payload]) -> tuple[list[bytes], set[int]]:
        """The keys of this and later rows of the batch that lack columns, and the xids they belong to."""
        oid = relation.relation.oid.to_bytes(4, "big")
        begin = self._transactions.begin
        xids = {begin.xid} if begin else set()
        keys: dict[bytes, None] = {}
        encoder = relation.encoder
        for _, data in batch[at:]:
            if data[0] == _BEGIN:
                xids.add(int.from_bytes(data[17:21], "big"))
            elif data[0] in _WITH_NEW_ROW and data[1:5] == oid:
                with suppress(Unfit):
                    parts = encoder.split(data)
                    assert parts.new is not None
                    if missing_columns(encoder, encoder.columns(parts.new)):
                        keys[encoder.key_of(parts.new)] = None
                if len(keys) >= PREFETCH_ROWS:
                    break
            elif data[0] == _RELATION:
                break  # another definition may follow
        return list(keys), xids
