"""
The `poll:<table>` records of `_offsets`: how far a polled table is read (rule L1).

Written in the Kafka transaction that holds the last rows of a poll.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from schemas.errors import RecordError
from schemas.json_records import read_object, read_record
from schemas.names import TableName

FORMAT = 1
POLL_PREFIX = b"poll:"
RUNNING, DONE, HELD = "running", "done", "held"
_STATES = (RUNNING, DONE, HELD)


@dataclass(frozen=True, slots=True)
class PollMark:
    """How far one table is polled.

    `state`: `running` while its rows are read whole for the first time; `done`; `held` when so many rows were missing
    that no delete was published (rule S7). `below_version` is the version above which all its rows lie since then:
    what is older in its topic is swept, or about to be.

    `horizon` is the 64-bit xid below which every transaction is read; None where the table has no `xmin`. `newest` is
    the greatest value of its timestamp column, as PostgreSQL text. Both are void on another `system_id` or `timeline`,
    or where the server `started_at` another time (a restored one uses xids again), or once its clock, `read_at_us`,
    runs back. `whole_at_us`: when the table was last read whole. All times are the server's, in microseconds since the
    Unix epoch. `incarnation` names the life of the slot that it was read in (rule S6).
    """

    table: str
    state: str
    below_version: int
    topic_id: str
    fingerprint: str
    oid: int = 0
    system_id: str = ""
    timeline: int = 0
    started_at: str = ""
    horizon: int | None = None
    newest: str | None = None
    read_at_us: int = 0
    whole_at_us: int = 0
    rows: int = 0
    incarnation: str = ""
    format: int = FORMAT

    @property
    def record_key(self) -> bytes:
        """The key of this record in `_offsets`."""
        return POLL_PREFIX + self.table.encode()

    def to_json(self) -> bytes:
        """The value of the record."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, value: bytes) -> PollMark:
        """Read a record's value; raises `RecordError`."""
        mark = read_record(cls, read_object(value, "poll", FORMAT), "poll")
        TableName.parse(mark.table)
        if mark.state not in _STATES:
            raise RecordError(f"expected one of {', '.join(_STATES)} as state of a poll record, got another")
        return mark
