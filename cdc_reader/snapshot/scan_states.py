"""
What a scan waits for, and what is done when something happens meanwhile: the whole of it, in one table.

    BEGIN -> (WRITERS ->) LOW -> READING -> HIGH -> READING -> HIGH ... -> OVER
                             ^ void: again   |
                             +---------------+      anything that fails: LATER -> where it began

What the table does not name is ignored: a watermark of an attempt that is given up, the failure of a scan that is
over (rule S3).

Keeps: S2, S3, S4.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Phase(Enum):
    """What a scan waits for."""

    BEGIN = "a free worker"
    WRITERS = "transactions that wrote to the table before it was published"
    LOW = "the message that is written to the WAL before a chunk is read"
    READING = "the rows of the chunk"
    HIGH = "the message that is written to the WAL once a chunk is read"
    LATER = "the next try"
    OVER = "nothing"


class Message(Enum):
    """What happens. `DUE`: the time that the scan has set itself is over."""

    DUE = "due"
    WRITERS_FOUND = "writers of before write still"
    WRITERS_ENDED = "writers ended"
    LOW_RECEIVED = "low watermark received"
    HIGH_RECEIVED = "high watermark received"
    VOID = "void"
    FAILED = "failed"


class ScanAction(Enum):
    """What is done, and what the scan waits for then."""

    BEGIN = "say that it begins, then begin"  # WRITERS, or LOW when there are none to wait for
    BEGIN_AGAIN = "begin"  # the same
    ASK_LATER = "ask again in a moment, and let others begin meanwhile"  # LATER
    WRITE_LOW = "write a low watermark with a new attempt id"  # LOW
    READ_CHUNK = "read a chunk and write its high watermark"  # READING; HIGH once it is read
    FINISH_CHUNK = "publish the chunk and go on behind it"  # READING, or OVER behind the last one
    VOID_CHUNK = "give the chunk up and read it again"  # LOW
    WRITE_AGAIN = "write the watermark again, with the same id"  # the same
    WAIT_LONGER = "wait longer"  # the same
    TRY_LATER = "give the attempt up for a while"  # LATER


TRANSITIONS: Mapping[Phase, Mapping[Message, ScanAction]] = {
    Phase.BEGIN: {Message.DUE: ScanAction.BEGIN},
    Phase.WRITERS: {
        Message.WRITERS_FOUND: ScanAction.ASK_LATER,
        Message.WRITERS_ENDED: ScanAction.WRITE_LOW,
        Message.FAILED: ScanAction.TRY_LATER,
    },
    Phase.LOW: {
        Message.LOW_RECEIVED: ScanAction.READ_CHUNK,
        Message.DUE: ScanAction.WRITE_AGAIN,
        Message.FAILED: ScanAction.TRY_LATER,
    },
    Phase.READING: {
        Message.DUE: ScanAction.WAIT_LONGER,  # a read that fails tells so itself
        Message.VOID: ScanAction.VOID_CHUNK,
        Message.FAILED: ScanAction.TRY_LATER,
    },
    Phase.HIGH: {
        Message.HIGH_RECEIVED: ScanAction.FINISH_CHUNK,
        Message.DUE: ScanAction.WRITE_AGAIN,
        Message.VOID: ScanAction.VOID_CHUNK,
        Message.FAILED: ScanAction.TRY_LATER,
    },
    Phase.LATER: {Message.DUE: ScanAction.BEGIN_AGAIN},
    Phase.OVER: {},
}


def action(phase: Phase, message: Message) -> ScanAction | None:
    """What is done when this happens in that phase; None: nothing."""
    return TRANSITIONS[phase].get(message)
