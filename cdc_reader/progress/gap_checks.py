"""
What must agree before the reader goes on from its position; each function raises `GapFound` when it does not.

A start that PostgreSQL accepts can still have lost changes: a slot that something else moved, a restored server, a
publication dropped and recreated, a topic that came back empty (rules P3, P4, P5, D2, D6, D7). Nothing here
mends a gap: the reader halts with one line that names cause and remedy.

Keeps: P3, P4, P5, D2, D6, D7.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.slot_requirements import slot_requirement
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.remedies import RESET
from schemas.errors import GapFound, SlotLost
from schemas.offsets import Position, PublicationMark
from schemas.tables import TableEntry


@dataclass(frozen=True, slots=True)
class ServerPosition:
    """Where the server is: `switch_lsn` is where the position's timeline was left, None when it is the same."""

    system_id: str
    timeline: int
    flush_lsn: int
    database: str
    switch_lsn: int | None = None


def check_slot(name: str, slot: SlotRow | None, position: Position, *, database: str) -> None:
    """The slot of a stored position must be there, alive, ours, and not ahead of it (rule P3)."""
    if slot is None:
        raise SlotLost(
            expected=f"replication slot {name!r}, which the stored position belongs to", found="none", remedy=RESET
        )
    require([slot_requirement(name, slot, database=database)])
    if slot.confirmed_lsn > position.restart_lsn:
        raise GapFound(
            expected=f"slot {name!r} at or before the stored position {Lsn(position.restart_lsn)}",
            found=f"it confirmed to {Lsn(slot.confirmed_lsn)}: something else read from it or recreated it",
            remedy=RESET,
        )


def check_server(position: Position, server: ServerPosition) -> None:
    """The server must be the one the position came from, and must know all that was seen of it (rules P4, V6)."""
    if position.system_id != server.system_id:
        raise GapFound(
            expected=f"the server with system id {position.system_id}",
            found=f"{server.system_id}: another cluster",
            remedy=f"point database_url at the right server; or, when this one replaces it for good, {RESET}",
        )
    if position.database != server.database:
        raise GapFound(
            expected=f"database {position.database!r}, from which the position comes",
            found=repr(server.database),
            remedy=f"correct database_url, or set another `source`; or {RESET}",
        )
    seen = max(position.restart_lsn, position.seen_lsn, position.last.end_lsn if position.last else 0)
    if position.timeline != server.timeline and (server.switch_lsn is None or seen > server.switch_lsn):
        raise GapFound(
            expected=f"timeline {position.timeline} up to {Lsn(seen)}",
            found=f"timeline {server.timeline}, which left it at {Lsn(server.switch_lsn or 0)}: what was published "
            "after that never happened there",
            remedy=RESET,
        )
    if seen > server.flush_lsn:
        raise GapFound(
            expected=f"a server that has written WAL up to {Lsn(seen)}",
            found=f"one at {Lsn(server.flush_lsn)}: it was restored to an earlier time, or lost its last writes",
            remedy=RESET,
        )


def check_publication(stored: PublicationMark, current: PublicationMark | None, relations: Collection[int]) -> None:
    """The publication must be the very one whose changes were read (rule D2).

    `relations` are the OIDs of published relations that still exist and are still selected. New members are no
    gap: their tables have no snapshot yet and get one.
    """
    if current is None:
        raise GapFound(
            expected="the publication that the position belongs to", found="none: it was dropped", remedy=RESET
        )
    if stored.identity != current.identity:
        raise GapFound(
            expected="the publication as it was",
            found="one that was altered or recreated: changes meanwhile were not sent",
            remedy=RESET,
        )
    now = set(current.members.values())
    for table, mark in stored.members.items():
        if mark not in now and int(mark.split(":", 3)[2]) in relations:
            raise GapFound(
                expected=f"table {table} to have stayed in the publication",
                found="it removed, or added again: changes meanwhile were not sent",
                remedy=RESET,
            )


def check_topics(stored: Mapping[str, str], current: Mapping[str, str]) -> None:
    """Every topic that holds published rows must be the very one they were written to (rule P5)."""
    for topic, topic_id in sorted(stored.items()):
        if current.get(topic) != topic_id:
            got = "none" if topic not in current else "another one of that name"
            raise GapFound(
                expected=f"topic {topic!r} as it was when rows were published to it", found=got, remedy=RESET
            )


def check_entries(stored: Mapping[str, TableEntry], current: Mapping[str, TableEntry]) -> None:
    """Topics belong to one source (rule D7); keys and partition counts are for ever (rule D6)."""
    for name, entry in sorted(current.items()):
        known = stored.get(name)
        if known is None:
            continue
        if known.source != entry.source and not known.deleted:
            raise GapFound(
                expected=f"topic {entry.topic!r} to belong to source {entry.source!r}",
                found=repr(known.source),
                remedy="set another `kafka.prefix` for one of the two readers",
            )
        if known.partitions != entry.partitions:
            raise GapFound(
                expected=f"topic {entry.topic!r} to have {known.partitions} partitions",
                found=str(entry.partitions),
                remedy="restore the partition count; a new count needs a new generation of the topic",
            )
        _check_key(known, entry)


def _check_key(known: TableEntry, entry: TableEntry) -> None:
    if known.deleted or (known.primary_key, known.key_kinds) == (entry.primary_key, entry.key_kinds):
        return
    raise GapFound(
        expected=f"primary key ({', '.join(known.primary_key)}) of table {entry.name} for ever",
        found=f"({', '.join(entry.primary_key)}) or other types",
        remedy=f"restore the key, or exclude the table; or delete topic {entry.topic!r} and {RESET}",
    )
