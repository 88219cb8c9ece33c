"""The pgoutput protocol, version 1: bytes of one message in, a value out. No I/O, no state."""

from __future__ import annotations

from cdc_reader.pgoutput.decoder import decode
from cdc_reader.pgoutput.messages import (
    Begin,
    Binary,
    Commit,
    Delete,
    Field,
    Insert,
    LogicalMessage,
    Message,
    Null,
    Origin,
    Relation,
    RelationColumn,
    Text,
    Truncate,
    Tuple,
    TypeName,
    Unchanged,
    Update,
)

__all__ = [
    "Begin",
    "Binary",
    "Commit",
    "Delete",
    "Field",
    "Insert",
    "LogicalMessage",
    "Message",
    "Null",
    "Origin",
    "Relation",
    "RelationColumn",
    "Text",
    "Truncate",
    "Tuple",
    "TypeName",
    "Unchanged",
    "Update",
    "decode",
]
