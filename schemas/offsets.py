"""
The records of `_offsets.<source>`: where the reader is, written in the transaction that holds what it published.

`position` is written with every Kafka transaction; the others when they change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from schemas.errors import RecordError
from schemas.json_records import read_object, read_record
from schemas.keys import parse_row_key, row_key
from schemas.names import TableName

FORMAT = 1
POSITION_KEY = b"position"
FLOORS_KEY = b"floors"
TOPICS_KEY = b"topics"
PUBLICATION_KEY = b"publication"
SOURCE_KEY = b"source"
SNAPSHOT_PREFIX = b"snapshot:"
LEAF_PREFIX = b"leaf:"
DEFINITION_PREFIX = b"definition:"
_STATES = ("running", "done", "held", "void", "outdated")
_MARK = re.compile(r"[0-9a-f]{16}:[0-9a-f]{16}:[0-9]{1,10}")
_OID = re.compile(r"[0-9]{1,10}")
_MEMBER = re.compile(r"[^:]*:[^:]*:[0-9]{1,10}:.*", re.DOTALL)


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
class Unseen:
    """Transactions that were delivered and that no snapshot is known to see yet (rule S1), by their 64-bit xids.

    `xids` are named one by one; of those from the first to the last of `between`, any may be one.
    """

    xids: tuple[int, ...] = ()
    between: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the source is published. `version` is the greatest one given out; LSNs are integers.

    `system_id` and `database` say whose it is (rule P12); they are empty in a record that does not say it.
    `incarnation` names one life of the slot (rule S6); `start_lsn` is where it began; `seen_lsn` is the greatest
    LSN that any read beside the stream may have seen (rule V6). `idle_lsn` is how far the server was, by its own word,
    when nothing was open: only where no message of ours may be written (rule P3). Without `unseen`, as in records of
    before, any transaction that runs may have been delivered (rule S1).
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
    unseen: Unseen | None = None
    idle_lsn: int = 0
    format: int = FORMAT

    @property
    def restart_lsn(self) -> int:
        """What may be confirmed and where streaming starts: the last whole transaction is sent again (rule P4)."""
        return max(self.idle_lsn, self.last.commit_lsn if self.last else self.start_lsn)

    @property
    def sent_again(self) -> TransactionMark | None:
        """The transaction that must come first (rule P4); None where nothing is known to come."""
        return self.last if self.last is not None and self.last.commit_lsn >= self.idle_lsn else None

    def to_json(self) -> bytes:
        """The value of the record."""
        return _dump(asdict(self))

    @classmethod
    def from_json(cls, value: bytes) -> Position:
        """Read a record's value; raises `RecordError`."""
        raw = read_object(value, "position", FORMAT)
        if isinstance(unseen := raw.get("unseen"), dict) and "xids" not in unseen:
            raise RecordError("expected field xids as unseen of a position record, got none")
        return read_record(cls, {"system_id": "", "database": "", **raw}, "position")


@dataclass(frozen=True, slots=True)
class SourceMark:
    """Whose the topics are (rule D7): one database of one server. It outlives the position, and resets.

    `slot` is the one that is read: its lock tells whether a reader runs.
    """

    system_id: str
    database: str
    slot: str

    def to_json(self) -> bytes:
        """The value of the record."""
        return _dump({"format": FORMAT, **asdict(self)})

    @classmethod
    def from_json(cls, value: bytes) -> SourceMark:
        """Read a record's value; raises `RecordError`."""
        return read_record(cls, read_object(value, "source", FORMAT), "source")


@dataclass(frozen=True, slots=True)
class SnapshotProgress:
    """How far one table's snapshot is. `below_version` is the N of its sweep (rule S7).

    `state`: `running`, `done`, or `held` (all rows are published, the sweep waits for an operator); `void`: it must
    begin again; `outdated`: the rows must be read again, and nothing swept (rule D9): `sweeps` is False then.
    `leaf` is the OID of the partition that is read alone (rule D3); its `fingerprint` is the partition's mark.
    `last_key` is the primary key of the last row done, as PostgreSQL text; in the record it is `last_row_key`, percent-
    encoded, where it is not UTF-8. `rows` counts this scan,
    `complete_rows` the last complete one, with the rows of partitions that came since; `alone_rows` are of those that
    were read alone while this scan was under way: it need not find them. `order` is what rows are read by (rule S8).
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
    sweeps: bool = True
    leaf: int | None = None
    alone_rows: int = 0
    format: int = FORMAT

    @property
    def record_key(self) -> bytes:
        """The key of this record in `_offsets`."""
        if self.leaf is not None:
            return leaf_key(self.table, self.leaf)
        return SNAPSHOT_PREFIX + self.table.encode()

    def to_json(self) -> bytes:
        """The value of the record."""
        raw = asdict(self)
        if self.last_key is not None and not all(map(_is_utf8, self.last_key)):
            raw |= {"last_key": None, "last_row_key": row_key(self.last_key).decode("ascii")}
        return _dump(raw)

    @classmethod
    def from_json(cls, value: bytes) -> SnapshotProgress:
        """Read a record's value; raises `RecordError`."""
        raw = read_object(value, "snapshot", FORMAT)
        progress = read_record(cls, raw, "snapshot")
        if (key := read_record(_LastRowKey, raw, "snapshot").last_row_key) is not None:
            progress = replace(progress, last_key=parse_row_key(key.encode()))
        TableName.parse(progress.table)
        if progress.state not in _STATES:
            raise RecordError(f"expected one of {', '.join(_STATES)} as state of a snapshot record, got another")
        return progress


@dataclass(frozen=True, slots=True)
class _LastRowKey:
    last_row_key: str | None = None


def _is_utf8(text: str) -> bool:
    return not any("\udc80" <= letter <= "\udcff" for letter in text)


def leaf_key(table: str, leaf: int) -> bytes:
    """The key of the progress of a partition that is read alone; `leaf` is its OID."""
    return LEAF_PREFIX + f"{table}:{leaf}".encode()


@dataclass(frozen=True, slots=True)
class DefinitionMark:
    """By which definition the rows of a table were read (rule D1), or would be read the same.

    `relations`: the mark of the table and of each leaf, by OID (`discovery.fingerprints`); `unread` are the OIDs of
    leaves that came since, and whose rows were not read yet (rule D3). `left` are those of leaves that were captured
    and are not now, though they are there: their rows stay, and nobody is told what becomes of them.
    """

    table: str
    relations: Mapping[str, str]
    unread: tuple[int, ...] = ()
    left: tuple[int, ...] = ()

    @property
    def record_key(self) -> bytes:
        """The key of this record in `_offsets`."""
        return DEFINITION_PREFIX + self.table.encode()

    @property
    def marks(self) -> dict[int, str]:
        """The marks by OID."""
        return {int(oid): mark for oid, mark in self.relations.items()}

    @classmethod
    def of(
        cls, table: TableName, marks: Mapping[int, str], unread: Iterable[int] = (), left: Iterable[int] = ()
    ) -> DefinitionMark:
        """The record of a table whose relations have these marks."""
        relations = {str(oid): mark for oid, mark in sorted(marks.items())}
        unread = tuple(sorted(oid for oid in unread if oid in marks))
        return cls(str(table), relations, unread, tuple(sorted(set(left) - marks.keys())))

    def to_json(self) -> bytes:
        """The value of the record."""
        return _dump({"format": FORMAT, **asdict(self)})

    @classmethod
    def from_json(cls, value: bytes) -> DefinitionMark:
        """Read a record's value; raises `RecordError`."""
        found = read_record(cls, read_object(value, "definition", FORMAT), "definition")
        TableName.parse(found.table)
        if not all(_OID.fullmatch(oid) and _MARK.fullmatch(mark) for oid, mark in found.relations.items()):
            raise RecordError("expected marks of relations by OID in a definition record, got something else")
        return found


@dataclass(frozen=True, slots=True)
class PublicationMark:
    """The publication as it was when its changes were published (rule D2).

    `identity` is its `pg_publication` row (OID, xmin, options), `members` maps each table to its
    `pg_publication_rel` row (OID, xmin, filter and column list). `name` is empty where it was not recorded.
    """

    identity: str
    members: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def to_json(self) -> bytes:
        """The value of the record."""
        return _dump({"format": FORMAT, "identity": self.identity, "members": dict(self.members), "name": self.name})

    @classmethod
    def from_json(cls, value: bytes) -> PublicationMark:
        """Read a record's value; raises `RecordError`."""
        mark = read_record(cls, read_object(value, "publication", FORMAT), "publication")
        if not all(_MEMBER.fullmatch(member) for member in mark.members.values()):
            raise RecordError("expected members like '16385:740:16384:*:' in a publication record, got something else")
        return mark


def mapping_to_json(name: str, values: Mapping[str, Any]) -> bytes:
    """The value of a `floors` or `topics` record: one mapping under its name."""
    return _dump({"format": FORMAT, name: dict(values)})


@dataclass(frozen=True, slots=True)
class _Floors:
    floors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _TopicIds:
    topics: Mapping[str, str]


def floors_from_json(value: bytes) -> dict[str, int]:
    """Read a `floors` record (table -> version); raises `RecordError`."""
    return dict(read_record(_Floors, read_object(value, "floors", FORMAT), "floors").floors)


def topics_from_json(value: bytes) -> dict[str, str]:
    """Read a `topics` record (topic -> topic id); raises `RecordError`."""
    return dict(read_record(_TopicIds, read_object(value, "topics", FORMAT), "topics").topics)


def _dump(raw: Mapping[str, Any]) -> bytes:
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":")).encode()
