"""
Whose position, and whose topics, they are: one database of one server, known by the system identifier (pure).

Reader, reset and doctor compare it before they look at anything else: in another database nothing that is found (a
slot, a publication, tables) says anything about the position, and a remedy for it would destroy the right pipeline.
The position says it; where there is none, the record of the topics' source does (rule D7).

Keeps: P12, D7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdc_reader.remedies import CORRECT_URL, OTHERS_TOPICS
from schemas.errors import Neighbour, SettingsError
from schemas.offsets import Position, SourceMark
from schemas.tables import TableEntry


@dataclass(frozen=True, slots=True)
class Origin:
    """A database of a server. `system_id` is None where our rights do not allow to ask: the name alone is compared."""

    system_id: str | None
    database: str

    def __str__(self) -> str:
        return f"{self.database!r} (system {self.system_id or 'unknown'})"


@dataclass(frozen=True, slots=True)
class Owner:
    """What is stored of whose position and topics they are; None where it is not."""

    position: Position | None = None
    source: SourceMark | None = None


def origin_of(position: Position) -> Origin:
    """Where a position comes from; empty words in one that does not say it."""
    return Origin(position.system_id, position.database)


def difference(position: Position | None, server: Origin) -> str | None:
    """What is wrong, with both named, when the position is not of this server and database; None where it is."""
    if position is None:
        return None
    if not position.system_id or not position.database:
        return f"this position does not say to which database it belongs, this server is {server}"
    of = origin_of(position)
    if of.database == server.database and server.system_id in (None, of.system_id):
        return None
    return f"this position belongs to database {of}, this server is {server}"


def check_origin(position: Position | None, server: Origin) -> None:
    """Raise `SettingsError`, with both named, when the position is not of this server and database (rule P12)."""
    if (found := difference(position, server)) is not None:
        raise SettingsError(f"database_url: {found}", neighbour=Neighbour.POSTGRES, remedy=CORRECT_URL)


def topics_difference(source: SourceMark | None, server: Origin) -> str | None:
    """What is wrong, with both named, when the topics are of another database; None where they are not."""
    if source is None or server == (of := Origin(source.system_id, source.database)):
        return None
    return f"these topics belong to database {of}, this server is {server}"


def check_owner(stored: Owner, server: Origin) -> None:
    """
    Raise `SettingsError` in another database than position (rule P12) and topics (rule D7) are of.

    A position that agrees was proved by the start that wrote it: the record of the source follows it.
    """
    check_origin(stored.position, server)
    if stored.position is None and (found := topics_difference(stored.source, server)) is not None:
        raise SettingsError(f"database_url: {found}", neighbour=Neighbour.POSTGRES, remedy=OTHERS_TOPICS)


def is_same_source(stored: Owner, source: SourceMark) -> bool:
    """Whether position, or record, of another name are this database of this server, read by the same slot.

    Another slot may have a reader that runs: two of them must not share topics.
    """
    position = stored.position
    if position is None:
        return stored.source == source
    return source == SourceMark(position.system_id, position.database, position.slot)


def check_entries_database(entries: Iterable[TableEntry], source: str, server: Origin) -> None:
    """Where `_offsets` is lost, the database's name in the entries is all that tells whose topics they are (D7)."""
    for entry in (entry for entry in entries if entry.binds):
        if entry.source == source and entry.database != server.database:
            raise SettingsError(
                f"database_url: topic {entry.topic!r} belongs to database {entry.database!r}, this server is {server}",
                neighbour=Neighbour.POSTGRES,
                remedy=OTHERS_TOPICS,
            )
