"""Edge: starts the stream of the slot with its plugin; behind it all messages are pgoutput's (decision 0031)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.characters import Characters
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.encodings import characters_as_stored
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.plugin_probe import has_plugin
from cdc_reader.postgres.plugins import AUTO, PGOUTPUT, WAL2JSON, plugin_of, plugin_requirements
from cdc_reader.postgres.replication import OptionRefused, ReplicationStream
from cdc_reader.postgres.requirements import require
from cdc_reader.postgres.server import relation_exists, slot_row
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.progress.ready import Ready
from cdc_reader.settings import ReaderSettings
from cdc_reader.wal2json.options import EXACT_NUMBERS, options
from cdc_reader.wal2json.stream import Source, TranslatedStream
from cdc_reader.wal2json.tables import known_tables
from cdc_reader.wal2json.translator import Translator
from schemas.errors import SlotBusy

logger = structlog.get_logger(__name__)
_SLOT_POLL_S = 0.1
_SLOT_WAIT_S = 10.0  # a walsender that ended frees its slot some milliseconds later


def with_plugin(settings: ReaderSettings, connection: Connection) -> ReaderSettings:
    """The settings with the plugin of this session; raises `ServerSetting` where it cannot read the database."""
    slot = slot_row(connection, settings.slot) if settings.plugin == AUTO else None
    plugin = plugin_of(settings.plugin, slot)
    if plugin is None:
        plugin = PGOUTPUT if has_plugin(connection, PGOUTPUT) else WAL2JSON
        logger.info("plugin_chosen", plugin=plugin)
    if plugin == WAL2JSON:
        encoding = connection.info.parameter_status("server_encoding") or ""
        require(plugin_requirements(plugin, encoding, readable=characters_as_stored(connection) is not None))
    return settings.model_copy(update={"plugin": plugin})


@dataclass(frozen=True, slots=True)
class Opening:
    """The connections of a session. `wait` tells whether to stop meanwhile.

    `slot`: as it was found, None where it was made for us.
    """

    stream: ReplicationStream
    connection: Connection
    wait: Callable[[float], bool]
    slot: SlotRow | None


def start_stream(opening: Opening, settings: ReaderSettings, ready: Ready) -> Source:
    """START_REPLICATION from the position. Returns what the session reads."""
    connection, stream = opening.connection, opening.stream
    if settings.plugin != WAL2JSON:
        asked = {
            "proto_version": "1",
            "publication_names": f'"{settings.publication}"',
            "messages": "true",
            "binary": "true" if ready.binary else "false",
        }
        _start(opening, settings, ready, asked)
        return stream
    exact = True
    try:
        _start(opening, settings, ready, options(exact=True))
    except OptionRefused:
        exact = False
        _start(opening, settings, ready, options(exact=False))
        why = "values of float and numeric columns that come as null are read again: they may be NaN or an infinity"
        logger.info("numbers_inexact", option=EXACT_NUMBERS, because=why)
    excluded = Selection.of(settings.tables, settings.exclude).exclude
    translator = Translator(
        known_tables(ready.catalog, excluded),
        characters_as_stored(connection) or Characters(),
        exact=exact,
        exists=lambda name: relation_exists(connection, name),
    )
    return TranslatedStream(stream, translator)


def _start(opening: Opening, settings: ReaderSettings, ready: Ready, asked: dict[str, str]) -> None:
    """The slot may still be held by the walsender of the reader before us."""
    stream, slot = opening.stream, opening.slot
    without_failover = settings.failover and slot is not None and not slot.failover
    deadline = time.monotonic() + _SLOT_WAIT_S
    while True:
        try:
            if without_failover:
                stream.execute(f'ALTER_REPLICATION_SLOT "{settings.slot}" (FAILOVER true)')
                logger.info("slot_has_failover", slot=settings.slot)
                without_failover = False
            stream.start(settings.slot, Lsn(ready.position.restart_lsn), asked)
            return
        except SlotBusy:
            if time.monotonic() > deadline or opening.wait(_SLOT_POLL_S):
                raise
