"""
Edge: takes the slot's lock, or waits for it as standby.

The lock is taken on the replication connection before anything is fenced, so it is freed with the walsender; a second
reader waits without disturbing the first. It is polled: a blocking wait would pin the server's xmin.

Keeps: P2.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from cdc_reader.postgres.advisory_lock import slot_lock
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server import slot_holders_by_stream
from cdc_reader.settings import ReaderSettings
from cdc_runtime.drain import Drain
from schemas.errors import SlotBusy

logger = structlog.get_logger(__name__)
_POLL_S = 0.5


def take_lock(
    stream: ReplicationStream, settings: ReaderSettings, drain: Drain, waiting: Callable[[str], None]
) -> bool:
    """Take the lock; False when told to stop meanwhile. `waiting` is told why it is waited for, at each try.

    Raises `SlotBusy` where no reader is to wait.
    """
    lock = slot_lock(settings.slot)
    told = False
    while not drain.stopping:
        [(held,)] = stream.execute("SELECT pg_catalog.pg_try_advisory_lock({}, {})", *lock)
        if held in ("t", True):
            return True
        who = ", ".join(map(str, slot_holders_by_stream(stream, settings.slot)))
        reason = f"another reader holds slot {settings.slot!r}" + (f": {who}" if who else "")
        if not settings.standby:
            raise SlotBusy(reason, remedy="stop the other reader, or set standby: true to wait for it")
        if not told:
            logger.info("standby", reason=reason)
            told = True
        waiting(reason)
        drain.wait(_POLL_S)
    return False
