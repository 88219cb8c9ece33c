"""Records of rows and their references, made for tests."""

from __future__ import annotations

from file_fetcher.references.retries import Retry
from schemas.file_state import HeldFile, HeldRecord, State


def held_file(name: str = "photos/7/url", state: State = State.FETCHED, **more) -> HeldFile:
    fields = {"column": "url", "key": "a.pdf", "kind": "url", "version": 10, **more}
    return HeldFile(file_id=name, state=state, **fields)


def held(record_id: str = "photos/7", row_version: int = 10, *files: HeldFile, **more) -> HeldRecord:
    fields = {"table": "public.photos", "partition": 4, "revision": 0, **more}
    return HeldRecord(record_id, row_version=row_version, files=files or (held_file(f"{record_id}/url"),), **fields)


def retry(file_id: str = "photos/7/url", **more) -> Retry:
    fields = {
        "record_id": "photos/7",
        "table": "public.photos",
        "partition": 4,
        "row_version": 10,
        "attempt": 1,
        "due_ms": 1_000,
        "topic": "cdc.public.photos",
        "key": b"7",
        "value": b"event",
        **more,
    }
    return Retry(file_id, **fields)
