"""
The records of `_offsets.<source>`: where the reader is, written in the transaction that holds what it published.

`position` is written with every Kafka transaction; the others when they change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from schemas.errors import RecordError

FORMAT = 1
POSITION_KEY = b"position"
FLOORS_KEY = b"floors"
TOPICS_KEY = b"topics"
PUBLICATION_KEY = b"publication"
SNAPSHOT_PREFIX = b"snapshot:"


@dataclass(frozen=True, slots=True)
class TransactionMark:
    """A whole transaction of the source. LSNs as integers; `commit_ts_us` in microseconds since the Unix epoch."""

    commit_lsn: int
    end_lsn: int
    xid: int
    commit_ts_us: int


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction of which the first `ordinal` changes are published (rule P6)."""

    commit_lsn: int
    xid: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far the source is published. `version` is the greatest one given out; LSNs are integers.

    `incarnation` names one life of the slot (rule S6); `start_lsn` is where it began; `seen_lsn` is the greatest
    LSN that any read beside the stream may have seen (rule V6).
    """

    incarnation: str
    version: int
    start_lsn: int
    system_id: str
    timeline: int
    database: str
    slot: str
    seen_lsn: int = 0
    last: TransactionMark | None = None
    open: OpenTransaction | None = None
    format: int = FORMAT

    @property
    def restart_lsn(self) -> int:
        """What may be confirmed and where streaming starts: the last whole transaction is sent again (rule P4)."""
        return self.last.commit_lsn if self.last else self.start_lsn

    def to_json(self) -> bytes:
        """The value of the record."""
        return _dump(asdict(self))

    @classmethod
    def from_json(cls, value: bytes) -> Position:
        """Read a record's value; raises `RecordError`."""
        raw = _load(value, "position")
        try:
            last, opened = raw.get("last"), raw.get("open")
            return cls(
                **{
                    **raw,
                    "last": TransactionMark(**last) if last else None,
                    "open": OpenTransaction(**opened) if opened else None,
                }
            )
        except TypeError as exc:
            raise RecordError("expected a position record, got other fields") from exc


@dataclass(frozen=True, slots=True)
class SnapshotProgress:
    """How far one table's snapshot is. `below_version` is the N of its sweep (rule S7).

    `state`: `running`, `done`, or `held` (all rows are published, the sweep waits for an operator).
    `last_key` is the primary key of the last row done, as PostgreSQL text; `rows` counts this scan,
    `complete_rows` the last complete one; `order` is what rows are read by (rule S8).
    """

    table: str
    state: str
    cause: str
    incarnation: str
    below_version: int
    oid: int
    fingerprint: str
    last_key: tuple[str, ...] | None = None
    rows: int = 0
    complete_rows: int | None = None
    command: str | None = None
    order: str | None = None
    format: int = FORMAT

    @property
    def record_key(self) -> bytes:
        """The key of this record in `_offsets`."""
        return SNAPSHOT_PREFIX + self.table.encode()

    def to_json(self) -> bytes:
        """The value of the record."""
        return _dump(asdict(self))

    @classmethod
    def from_json(cls, value: bytes) -> SnapshotProgress:
        """Read a record's value; raises `RecordError`."""
        raw = _load(value, "snapshot")
        try:
            key = raw.get("last_key")
            return cls(**{**raw, "last_key": None if key is None else tuple(key)})
        except TypeError as exc:
            raise RecordError("expected a snapshot record, got other fields") from exc


@dataclass(frozen=True, slots=True)
class PublicationMark:
    """The publication as it was when its changes were published (rule D2).

    `identity` is its `pg_publication` row (OID, xmin, options), `members` maps each table to its
    `pg_publication_rel` row (OID, xmin, filter and column list).
    """

    identity: str
    members: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The value of the record."""
        return _dump({"format": FORMAT, "identity": self.identity, "members": dict(self.members)})

    @classmethod
    def from_json(cls, value: bytes) -> PublicationMark:
        """Read a record's value; raises `RecordError`."""
        raw = _load(value, "publication")
        return cls(str(raw.get("identity")), dict(raw.get("members", {})))


def mapping_to_json(name: str, values: Mapping[str, Any]) -> bytes:
    """The value of a `floors` or `topics` record: one mapping under its name."""
    return _dump({"format": FORMAT, name: dict(values)})


def mapping_from_json(name: str, value: bytes) -> dict[str, Any]:
    """Read a `floors` (table -> version) or `topics` (topic -> topic id) record."""
    return dict(_load(value, name).get(name, {}))


def _dump(raw: Mapping[str, Any]) -> bytes:
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":")).encode()


def _load(value: bytes, name: str) -> dict[str, Any]:
    try:
        raw = json.loads(value)
    except ValueError as exc:
        raise RecordError(f"expected a {name} record in JSON, got other bytes") from exc
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise RecordError(f"expected a {name} record of format {FORMAT}, got another")
    return raw
