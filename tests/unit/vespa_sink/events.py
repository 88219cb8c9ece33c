"""Events and records for the sink's tests."""

from __future__ import annotations

from typing import Any

from cdc_runtime.consuming.records import Record
from schemas.envelope import Event, Source

SOURCE = Source("stream", "db", "public", "rfis", "rowferry", 7, 100, 1_700_000_000_000_000, 90, 1)


def event(op: str = "c", **more: Any) -> Event:
    kinds = more.pop("kinds", {"id": "int8", "title": "text"})
    return Event(
        **{
            "op": op,
            "version": 99,
            "source": SOURCE,
            "ts_ms": 1_700_000_000_001,
            "transaction": None,
            "below_version": None,
            "refetched": (),
            "omitted": (),
            "before": None,
            "before_is_key": False,
            "after": {"id": 17, "title": "Slab pour"} if op in "cur" else None,
            "kinds": kinds,
            "renderers": {"id": str},
            **more,
        }
    )


def record(key: bytes | None = b"17", value: bytes | None = b"event", **more: Any) -> Record:
    return Record("cdc.public.rfis", 2, 5, key, value, 1_700_000_000_000, **more)
