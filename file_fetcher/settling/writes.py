"""A record to be written, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from cdc_runtime.consuming.records import Headers


@dataclass(frozen=True, slots=True)
class Write:
    """A record for a partition that is named."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
