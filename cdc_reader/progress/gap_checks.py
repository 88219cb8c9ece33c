"""
What must agree before the reader goes on from its position; each function raises `GapFound` when it does not.

A start that PostgreSQL accepts can still have lost changes: a slot that something else moved, a restored server, a
publication dropped and recreated, a topic that came back empty (rules P3, P4, P5, D2, D7). Nothing here
mends a gap: the reader halts with one line that names cause and remedy.

Keeps: P3, P4, P5, D2, D7.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.plugins import PGOUTPUT
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.slot_requirements import slot_requirement
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.progress.origins import Origin
from cdc_reader.remedies import OTHER_KAFKA, RESET, RESTORED
from schemas.errors import GapFound, Neighbour, SettingsError, SlotLost
from schemas.names import TableName
from schemas.offsets import Position, PublicationMark
from schemas.tables import TableEntry


@dataclass(frozen=True, slots=True)
class ServerPosition:
    """Where the server is: `switch_lsn` is where the position's timeline was left, None when it is the same."""

    origin: Origin
    timeline: int
    flush_lsn: int
    switch_lsn: int | None = None


def check_slot(name: str, slot: SlotRow | None, position: Position, *, database: str, plugin: str = PGOUTPUT) -> None:
    """The slot of a stored position must be there, alive, ours, and not ahead of it (rule P3)."""
    if slot is None:
        raise SlotLost(
            expected=f"replication slot {name!r}, which the stored position belongs to", found="none", remedy=RESET
        )
    require([slot_requirement(name, slot, database=database, plugin=plugin)])
    if slot.confirmed_lsn > position.restart_lsn:
        raise GapFound(
            expected=f"slot {name!r} at or before the stored position {Lsn(position.restart_lsn)}",
            found=f"it confirmed to {Lsn(slot.confirmed_lsn)}: something else read from it or recreated it",
            remedy=RESET,
        )


def check_server(position: Position, server: ServerPosition) -> None:
    """The server, which the position belongs to (`origins`), must know all that was seen of it (rules P4, V6)."""
    seen = max(position.restart_lsn, position.seen_lsn, position.last.end_lsn if position.last else 0)
    if position.timeline != server.timeline and (server.switch_lsn is None or seen > server.switch_lsn):
        raise GapFound(
            expected=f"timeline {position.timeline} up to {Lsn(seen)}",
            found=f"timeline {server.timeline}, which left it at {Lsn(server.switch_lsn or 0)}: this server has no "
            "changes that were published after that",
            remedy=RESTORED,
        )
    if seen > server.flush_lsn:
        raise GapFound(
            expected=f"a server that has written WAL up to {Lsn(seen)}",
            found=f"one at {Lsn(server.flush_lsn)}: it was restored to an earlier time, or lost its last writes",
            remedy=RESTORED,
        )


def check_publication(
    stored: PublicationMark, current: PublicationMark | None, relations: Mapping[int, TableName]
) -> set[TableName]:
    """The publication must be the very one whose changes were read (rule D2).

    Returns the tables that left it, or left it for a time: a gap of theirs alone (rule D8). `relations` are the OIDs of
    published relations that still exist and are still selected, with their tables. New members are no gap: their
    tables have no snapshot yet and get one.
    """
    called = f"publication {stored.name!r}" if stored.name else "the publication"
    if current is None:
        raise GapFound(
            expected=f"{called}, which the stored position belongs to", found="none: it was dropped", remedy=RESET
        )
    if stored.identity != current.identity:
        raise GapFound(
            expected=f"{called} as it was when the position was stored",
            found="one that was altered or recreated: changes meanwhile were not sent",
            remedy=RESET,
        )
    now = set(current.members.values())
    changed = (int(mark.split(":", 3)[2]) for mark in stored.members.values() if mark not in now)
    return {relations[oid] for oid in changed if oid in relations}


def lost_topics(stored: Mapping[str, str], current: Mapping[str, str]) -> set[str]:
    """The topics that hold published rows, and are not the very ones they were written to (rule P5).

    One topic is a gap of its table. Raises `GapFound` when it is all of several: that is another Kafka, or one that
    lost its data, and whatever else is read there may be as old.
    """
    lost = {topic for topic, topic_id in stored.items() if current.get(topic) != topic_id}
    if len(lost) == len(stored) > 1:
        raise GapFound(
            expected=f"the {len(stored)} topics as they were when rows were published to them",
            found="none of them: this Kafka is another one, or lost its data",
            remedy=OTHER_KAFKA,
        )
    return lost


def check_entries(
    stored: Mapping[str, TableEntry], current: Mapping[str, TableEntry], renamed: Collection[str] = ()
) -> None:
    """Topics belong to one source, under whatever names (rule D7).

    Raises `SettingsError` for another source's: no gap is to be mended there.
    """
    for name, entry in sorted(current.items()):
        known = stored.get(name)
        if known is None:
            continue
        if known.source not in (entry.source, *renamed) and not known.deleted:
            raise SettingsError(
                f"kafka.prefix: topic {entry.topic!r} belongs to source {known.source!r} of database "
                f"{known.database!r}, this is source {entry.source!r} of database {entry.database!r}",
                neighbour=Neighbour.KAFKA,
                remedy="set another kafka.prefix for one of the two readers; where the source was renamed, set `slot` "
                "to the one of before",
            )
