"""
What the next poll of a table reads (pure; rule L1).

The first one reads every row and publishes it, and sweeps what is older. Later ones publish differences to what the
topic holds: rows that changed, found by `xmin` or by a timestamp column where that can be trusted, in all rows
otherwise; and deletes, found by the keys that are there no longer.

A horizon by `xmin` is the oldest transaction that was running when the poll before began: whatever commits late has a
greater one. It says nothing of a server that counts transactions anew: another one, one that was restored (which
starts it), one on another timeline, or one that is behind. Where 2^31 transactions went by since, `xmin` has wrapped.

Keeps: L1, S6, P5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cdc_reader.postgres.key_order import literal
from cdc_reader.tables.polled import PolledTable
from schemas.poll_marks import RUNNING, PollMark

_HALF = 2**31
_XIDS = 2**32


class Kind(StrEnum):
    """What a poll reads."""

    FIRST = "first"  # every row, and each is published
    WHOLE = "whole"  # every row; differences are published
    CHANGED = "changed"  # rows that may have changed, and every key


@dataclass(frozen=True, slots=True)
class Moment:
    """The server when a poll begins.

    `horizon` and `next_xid` are 64-bit: the oldest transaction that runs, and the next that will. `clock_us` in
    microseconds since the Unix epoch; `newest` is the greatest value of the timestamp column, as text.
    """

    system_id: str
    timeline: int
    started_at: str
    horizon: int
    next_xid: int
    clock_us: int
    newest: str | None = None


@dataclass(frozen=True, slots=True)
class PollPlan:
    """What is read: `condition` is that of rows that may have changed, `cause` says why it is not a lesser one."""

    kind: Kind
    cause: str = ""
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """In which life of the slot (rule S6), and of its topic (rule P5), a table is polled."""

    incarnation: str
    topic_id: str


@dataclass(frozen=True, slots=True)
class PollTerms:
    """What the settings say: how long rows may be found by changes alone, and how far back a timestamp is read."""

    whole_interval_s: float
    overlap_s: float


def poll_plan(
    table: PolledTable, mark: PollMark | None, moment: Moment, terms: PollTerms, *, life: Life, again: bool = False
) -> PollPlan:
    """The next poll; `again`: every row is asked for."""
    if mark is None:
        return PollPlan(Kind.FIRST, "the table is new to this pipeline")
    if mark.incarnation != life.incarnation:
        return PollPlan(Kind.FIRST, "the slot began again")
    if again:
        return PollPlan(Kind.FIRST, "it was asked for")
    if mark.topic_id != life.topic_id:
        return PollPlan(Kind.FIRST, "its topic was made again")
    if mark.state == RUNNING:
        return PollPlan(Kind.FIRST, "the first read was cut off")
    cause = _why_whole(table, mark, moment, terms)
    if cause is not None:
        return PollPlan(Kind.WHOLE, cause)
    return PollPlan(Kind.CHANGED, condition=_condition(table, mark, terms))


def _why_whole(table: PolledTable, mark: PollMark, moment: Moment, terms: PollTerms) -> str | None:
    """Why rows that changed cannot be told by what was read before; None when they can."""
    if not table.has_xmin and table.newer is None:
        return "nothing tells which rows changed"
    if (mark.oid, mark.fingerprint) != (table.table.entry.oid, table.definition):
        return "the definition of the table changed"
    if (mark.system_id, mark.timeline, mark.started_at) != (moment.system_id, moment.timeline, moment.started_at):
        return "the server is another one, or was started again"
    if moment.clock_us < mark.read_at_us:
        return "the clock of the server was set back"
    if moment.clock_us - mark.whole_at_us >= terms.whole_interval_s * 1e6:
        return "it was not read whole for long"
    if table.has_xmin:
        return _why_xmin_fails(mark, moment)
    return "it had no rows" if mark.newest is None else None


def _why_xmin_fails(mark: PollMark, moment: Moment) -> str | None:
    if mark.horizon is None:
        return "nothing tells which rows changed since"
    if mark.horizon > moment.next_xid:
        return "the server has not come to the transactions that were read"
    if moment.next_xid - mark.horizon >= _HALF:
        return "transaction ids have wrapped around since"
    return None


def _condition(table: PolledTable, mark: PollMark, terms: PollTerms) -> str:
    if table.has_xmin:
        assert mark.horizon is not None
        return written_since(mark.horizon)
    assert mark.newest is not None
    since = f"{literal(mark.newest)}::pg_catalog.{table.newer_type}"
    back = f"'{terms.overlap_s:f} seconds'::pg_catalog.interval"
    return f"{table.newer} {_operator('>=')} ({since} {_operator('-')} {back}) OR {table.newer} IS NULL"


def written_since(horizon: int) -> str:
    """The condition that a row may have been written by this transaction (64 bits) or a later one.

    `xmin` has 32 bits: those in the half above the horizon are later. A frozen row of an earlier epoch may be among
    them, and is found to be what it was.
    """
    xmin = f"(r.xmin::pg_catalog.text::pg_catalog.int8 {_operator('-')} {horizon % _XIDS:d})"
    return f"({xmin} {_operator('&')} {_XIDS - 1:d}) {_operator('<')} {_HALF:d}"


def _operator(sign: str) -> str:
    return f"OPERATOR(pg_catalog.{sign})"


def marked(table: PolledTable, plan: PollPlan, before: PollMark | None, moment: Moment, *, rows: int) -> PollMark:
    """The mark of a poll that has read `rows` rows, from that of before; state and boundary are the caller's."""
    assert before is not None
    whole = plan.kind is not Kind.CHANGED
    return replace(
        before,
        fingerprint=table.definition,
        oid=table.table.entry.oid,
        system_id=moment.system_id,
        timeline=moment.timeline,
        started_at=moment.started_at,
        horizon=moment.horizon if table.has_xmin else None,
        newest=moment.newest,
        read_at_us=moment.clock_us,
        whole_at_us=moment.clock_us if whole else before.whole_at_us,
        rows=rows,
    )


def rest(mark: PollMark, table: PolledTable, interval_s: float, now_us: int) -> float:
    """How many seconds are left until a table is due that another session has read; 0 where it was not, or as another.

    However often sessions begin, a table is not read more often than it is to be.
    """
    if mark.state == RUNNING or (mark.oid, mark.fingerprint) != (table.table.entry.oid, table.definition):
        return 0.0
    return min(max(interval_s - (now_us - mark.read_at_us) / 1e6, 0.0), interval_s)
