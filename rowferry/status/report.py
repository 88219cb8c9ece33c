"""What `rowferry status` tells (pure). A part that could not be had holds its error instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from cdc_reader.postgres.lsn import Lsn
from rowferry.status.files import Files
from rowferry.status.sizes import size_text
from schemas.offsets import Position, SnapshotProgress
from schemas.poll_marks import PollMark


@dataclass(frozen=True, slots=True)
class Slot:
    """The replication slot. LSNs as integers; `behind_bytes` is WAL not yet confirmed, `retained_bytes` WAL kept.

    `holders` is who reads it, or has its lock; `waits_for` the transactions that must end before it is there.
    `safe_bytes` of WAL may still be written before it loses some, None where nothing bounds it; `idle_s`: how long no
    one has read it, where the server tells; `invalid`: why it is lost; `alarms`: why it may be, and what to do.
    """

    name: str
    active: bool
    wal_status: str
    confirmed_lsn: int
    restart_lsn: int
    behind_bytes: int
    retained_bytes: int
    safe_bytes: int | None
    holders: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    invalid: str | None = None
    idle_s: int | None = None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicLag:
    """How many records of a topic a group has not handled yet; `table` is `_files` for results of files, and so on."""

    table: str
    topic: str
    records: int


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: how many members it has, and its lag by topic."""

    name: str
    members: int
    lag: tuple[TopicLag, ...]

    @property
    def records(self) -> int:
        """The lag over all topics."""
        return sum(topic.records for topic in self.lag)


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of a table in the database and its documents in the index, each as of its own moment."""

    table: str
    rows: int
    documents: int


@dataclass(frozen=True, slots=True)
class Status:
    """Everything; None and empty where there is nothing (no slot yet, no position yet, no fetcher yet).

    `set_aside` says why tables that have rows in their topics are not captured any longer, `waiting` why partitions
    are not captured with the others.
    """

    slot: Slot | None = None
    position: Position | None = None
    captures: Mapping[str, int] = field(default_factory=dict)
    set_aside: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    snapshots: Sequence[SnapshotProgress] = ()
    polls: Sequence[PollMark] = ()
    groups: Sequence[Group] = ()
    files: Files | None = None
    counts: Sequence[Count] | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The status as plain values; LSNs as PostgreSQL prints them."""
        return {
            "slot": None if self.slot is None else _with_lsns(asdict(self.slot)),
            "position": None if self.position is None else _position(self.position),
            "tables": dict(self.captures),
            "set_aside": dict(self.set_aside),
            "waiting": dict(self.waiting),
            "snapshots": [
                {"table": each.table, "state": each.state, "cause": each.cause, "rows": each.rows}
                for each in self.snapshots
            ],
            "polls": [
                {"table": each.table, "state": each.state, "read_at": _read_at(each), "rows": each.rows}
                for each in self.polls
            ],
            "groups": [
                {
                    "name": group.name,
                    "members": group.members,
                    "lag_records": group.records,
                    "lag": [asdict(topic) for topic in group.lag],
                }
                for group in self.groups
            ],
            "files": None if self.files is None else self.files.to_json(),
            "counts": None if self.counts is None else [asdict(count) for count in self.counts],
            "errors": dict(self.errors),
        }

    def to_text(self) -> str:
        """The status for eyes."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        for part, error in self.errors.items():
            yield f"{part}: {error}"
        if "database" not in self.errors:
            yield _slot_line(self.slot)
            yield from _slot_holders(self.slot)
        if "kafka" not in self.errors:
            yield _position_line(self.position)
            yield f"tables    {_captures(self.captures)}"
        for table, reason in self.set_aside.items():
            yield f"set aside {table}: its rows stay as they are, because {reason}"
        for leaf, reason in self.waiting.items():
            yield f"waits     partition {leaf}: it is not captured with the others, because {reason}"
        for each in self.snapshots:
            if each.state != "done":
                decide = _HELD if each.state == "held" else ""
                yield f"snapshot  {each.table}: {each.state}, {each.rows:,} rows read, because {each.cause}{decide}"
        for poll in self.polls:
            decide = _HELD if poll.state == "held" else ""
            at = _read_at(poll) or "never"
            yield f"polled    {poll.table}: {poll.state}, {poll.rows:,} rows, last read {at}{decide}"
        for group in self.groups:
            yield f"group     {group.name}: {group.members} members, {group.records:,} records behind"
            behind = (topic for topic in group.lag if topic.records)
            yield from (f"          {topic.table}: {topic.records:,} behind" for topic in behind)
        if self.files is not None:
            yield from self.files.to_lines()
        if self.counts is not None:
            yield from _count_lines(self.counts)


# What was found is not believed: an operator has to look.
_HELD = "; nothing is removed from the index until you ask for it: docs/how-to/snapshot.md"


def _read_at(poll: PollMark) -> str | None:
    """When a table was polled last, as ISO 8601 in UTC; None when it was not."""
    us = poll.read_at_us
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="seconds") if us else None


def _captures(captures: Mapping[str, int]) -> str:
    streamed = captures.get("replication", 0)
    polled = captures.get("polling", 0)
    others = sum(captures.values()) - streamed - polled
    parts = [f"{streamed} streamed"] if streamed else []
    parts += [f"{polled} polled"] if polled else []
    parts += [f"{others} not captured (rowferry doctor says why)"] if others else []
    return ", ".join(parts) or "none yet"


def _slot_line(slot: Slot | None) -> str:
    if slot is None:
        return "slot      none yet"
    state = "active" if slot.active else "not active"
    state += f" for {slot.idle_s} s" if slot.idle_s is not None else ""
    safe = "" if slot.safe_bytes is None else f", {size_text(slot.safe_bytes)} until it loses some"
    return (
        f"slot      {slot.name}: {state}, {slot.wal_status}, confirmed {Lsn(slot.confirmed_lsn)},"
        f" {size_text(slot.behind_bytes)} behind, {size_text(slot.retained_bytes)} of WAL retained{safe}"
    )


def _slot_holders(slot: Slot | None) -> Iterator[str]:
    if slot is not None:
        yield from (f"          read by {each}" for each in slot.holders)
        yield from (f"          it is being made, and waits for {each}" for each in slot.waits_for)
        yield from (f"          {each}" for each in slot.alarms)


def _position_line(position: Position | None) -> str:
    if position is None:
        return "position  none yet"
    line = f"position  {Lsn(position.restart_lsn)}, version {position.version}"
    if position.last is not None:
        line += f", last commit {_time(position.last.commit_ts_us)}"
    return line


def _count_lines(counts: Iterable[Count]) -> Iterator[str]:
    lines = [("table", "rows", "documents")]
    lines += [(count.table, f"{count.rows:,}", f"{count.documents:,}") for count in counts]
    widths = [max(len(line[at]) for line in lines) for at in range(3)]
    for name, rows, documents in lines:
        yield f"{name:<{widths[0]}}  {rows:>{widths[1]}}  {documents:>{widths[2]}}"


def _position(position: Position) -> dict[str, Any]:
    values: dict[str, Any] = {
        "lsn": str(Lsn(position.restart_lsn)),
        "version": position.version,
        "slot": position.slot,
        "database": position.database,
        "system_id": position.system_id,
        "timeline": position.timeline,
        "last_commit": None,
    }
    if position.last is not None:
        values["last_commit"] = _time(position.last.commit_ts_us)
    return values


def _with_lsns(slot: dict[str, Any]) -> dict[str, Any]:
    return {name: str(Lsn(value)) if name.endswith("_lsn") else value for name, value in slot.items()}


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).isoformat()
