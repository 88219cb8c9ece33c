"""Transactions of the source in memory as a walsender sends them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.unit.cdc_reader import messages
from tests.unit.cdc_reader.source import LARGE, Change, Done, Shape
from tests.unit.cdc_reader.transcode.tables import UNCHANGED


def wire(done: Done, announced: dict[int, Shape]) -> Iterator[tuple[int, bytes]]:
    """A transaction as the walsender sends it: relations first, where this session does not know them as they were."""
    lsn = done.lsn - 0x80
    yield lsn, messages.begin(done.xid, done.lsn, done.commit_us)
    for at, change in enumerate((each for each in done.changes if each.oid not in done.unsent), 1):
        for oid in change.oids or ((change.oid,) if change.oid else ()):
            shape = done.shapes[oid]
            if announced.get(oid) != shape or change.oids:  # another file of the table invalidates what was sent
                announced[oid] = shape
                yield lsn, messages.relation(oid, shape.name, shape.columns, identity=shape.identity)
        yield lsn + at % 0x70, _encoded(change, done.shapes[change.oid].identity if change.oid else "")
    yield done.lsn, messages.commit(done.lsn, done.commit_us)


def _encoded(change: Change, identity: str) -> bytes:
    full, at = identity == "f", 1 if identity == "i" else 0
    if change.kind == "message":
        return change.raw
    if change.kind == "truncate":
        return messages.truncate(*change.oids)
    key = [each if place == at else None for place, each in enumerate(change.old or ())]
    if change.new is None:
        return messages.delete(change.oid, row=change.old or ()) if full else messages.delete(change.oid, key=key)
    if change.old is None:
        return messages.insert(change.oid, change.new)
    kept = [
        UNCHANGED if new == old and new is not None and len(new) > LARGE else new
        for new, old in zip(change.new, change.old, strict=True)
    ]
    if full:
        return messages.update(change.oid, kept, row=change.old)
    return messages.update(change.oid, kept, key=key if change.old[at] != change.new[at] else ())
