"""
Edge: asks a replication connection which server it leads to, and where that server is.

Keeps: P4, P12.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server import flush_lsn
from cdc_reader.postgres.timelines import switch_point
from cdc_reader.progress.gap_checks import ServerPosition
from cdc_reader.progress.origins import Origin
from schemas.offsets import Position


@dataclass(frozen=True, slots=True)
class Identity:
    """Which database of which server it is, and on which timeline the server is."""

    origin: Origin
    timeline: int


def identify(stream: ReplicationStream) -> Identity:
    """Ask before anything else; before the stream has started."""
    [(system_id, timeline, _, database)] = stream.execute("IDENTIFY_SYSTEM")
    return Identity(Origin(str(system_id), str(database)), int(timeline))


def server_position(
    stream: ReplicationStream, connection: Connection, server: Identity, stored: Position | None
) -> ServerPosition:
    """Where the server is, and where it left the timeline of the stored position, which is one of its own."""
    switch_lsn = None
    if stored is not None and stored.timeline < server.timeline:  # an older one knows nothing of the position's
        [(_, history)] = stream.execute(f"TIMELINE_HISTORY {server.timeline}")
        text = history if isinstance(history, str) else bytes(history).decode("utf-8", "replace")
        switch_lsn = switch_point(text, stored.timeline)
    return ServerPosition(server.origin, server.timeline, flush_lsn(connection), switch_lsn)
