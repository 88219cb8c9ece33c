"""
The output plugins that the reader can read (pure): PostgreSQL's own, and wal2json where only that is to be had.

A slot is made with its plugin and keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdc_reader.postgres.requirements import Level, Requirement
from cdc_reader.postgres.slot_row import SlotRow

PGOUTPUT = "pgoutput"
WAL2JSON = "wal2json"
AUTO = "auto"
PLUGINS = (PGOUTPUT, WAL2JSON)


def plugin_of(setting: str, slot: SlotRow | None) -> str | None:
    """The plugin to read; None where the server must be asked which one it has."""
    if setting != AUTO:
        return setting
    return None if slot is None else WAL2JSON if slot.plugin == WAL2JSON else PGOUTPUT


def plugin_requirements(plugin: str, encoding: str, *, readable: bool) -> Iterator[Requirement]:
    """What a plugin needs; `readable`: we can make UTF-8 of texts as they are stored, for wal2json makes none."""
    if plugin != WAL2JSON:
        return
    needed = ("database.encoding", "a database whose encoding wal2json can be read in", encoding)
    if readable:
        yield Requirement(*needed)
    else:
        yield Requirement(*needed, Level.START, remedy="set plugin: pgoutput, for which the server makes UTF-8 of it")
