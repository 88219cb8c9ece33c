"""What all events of one transaction share, encoded once."""

from __future__ import annotations

from dataclasses import dataclass, field

from cdc_reader.transcode.avro_bytes import FIRST_BRANCH, NULL_BRANCH, long_bytes, string_bytes
from schemas.envelope import MODE_STREAM


@dataclass(frozen=True, slots=True)
class EventContext:
    """Mode, transaction and times of events; make one per transaction, or per chunk of a snapshot.

    `commit_ts_us` in microseconds, `ts_ms` in milliseconds since the Unix epoch; LSNs as integers. Streamed events
    carry `transaction`, others do not.
    """

    mode: str
    xid: int
    commit_lsn: int
    commit_ts_us: int
    ts_ms: int
    mode_bytes: bytes = field(init=False, repr=False, compare=False)
    commit_bytes: bytes = field(init=False, repr=False, compare=False)
    tail_bytes: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        commit = long_bytes(self.xid) + long_bytes(self.commit_lsn) + long_bytes(self.commit_ts_us)
        tail = long_bytes(self.ts_ms)
        if (transaction := self.transaction_id) is None:
            tail += NULL_BRANCH
        else:
            tail += FIRST_BRANCH + string_bytes(transaction)
        object.__setattr__(self, "mode_bytes", string_bytes(self.mode))
        object.__setattr__(self, "commit_bytes", commit)
        object.__setattr__(self, "tail_bytes", tail)

    @property
    def transaction_id(self) -> str | None:
        """`xid:commit_lsn` in decimal, for streamed events."""
        return f"{self.xid}:{self.commit_lsn}" if self.mode == MODE_STREAM else None
