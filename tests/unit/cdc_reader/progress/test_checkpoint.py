"""The position: stored before it is confirmed, and committed where the bounds are near."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from cdc_reader.progress.checkpoint import Checkpoint
from cdc_reader.progress.versions import Versions
from cdc_reader.settings import CommitSettings
from schemas.errors import TransientError
from schemas.offsets import OpenTransaction, Position, TransactionMark, Unseen

START = Position(incarnation="one", version=1, start_lsn=100, system_id="7", timeline=1, database="shop", slot="r")
FIRST = TransactionMark(commit_lsn=190, end_lsn=200, xid=7, commit_ts_us=1_000)
UNSEEN = Unseen((7,), (9, 12))
SECOND = TransactionMark(commit_lsn=290, end_lsn=300, xid=8, commit_ts_us=2_000)


@dataclass
class Stream:
    """Where the stream is: `last` is whole, `open_part` is what is done of the transaction that is open."""

    last: TransactionMark | None = None
    open_part: OpenTransaction | None = None
    inside: bool = False

    def opened(self) -> OpenTransaction | None:
        return self.open_part

    def unseen(self) -> Unseen:
        return UNSEEN


@dataclass
class Ends:
    """Kafka and the slot, and in which order they were told what."""

    rows: int = 0
    size: int = 0
    open_s: float = 0.0
    fails: bool = False
    told: list[tuple[str, object]] = field(default_factory=list)

    @property
    def dirty(self) -> bool:
        return self.rows > 0

    def age_s(self) -> float:
        return self.open_s

    def commit(self, position: Position) -> float:
        if self.fails:
            raise TransientError("the outcome is unknown")
        self.told.append(("commit", position))
        self.rows = self.size = 0
        return 0.5

    def confirm(self, lsn: int) -> None:
        self.told.append(("confirm", lsn))

    def committed(self, position: Position, rows: int, transactions: int, seconds: float) -> None:
        self.told.append(("observed", (rows, transactions, seconds)))


def checkpoint(stream: Stream, ends: Ends) -> Checkpoint:
    return Checkpoint(
        START,
        reached=stream,
        versions=Versions(9),
        kafka=ends,
        slot=ends,
        limits=CommitSettings(max_rows=100, max_bytes=10_000, max_wait_s=0.2),
        observer=ends,
    )


@pytest.mark.rule("P3")
def test_p3_position_is_stored_before_it_is_confirmed() -> None:
    stream, ends = Stream(last=FIRST), Ends(rows=3)
    checkpoint(stream, ends).commit()
    assert [what for what, _ in ends.told] == ["commit", "confirm", "observed"]
    position = ends.told[0][1]
    assert isinstance(position, Position)
    assert (position.version, position.last) == (9, FIRST)
    assert ends.told[1][1] == position.restart_lsn


@pytest.mark.rule("P3")
def test_p3_position_whose_commit_failed_is_never_confirmed() -> None:
    ends = Ends(rows=3, fails=True)
    with pytest.raises(TransientError):
        checkpoint(Stream(last=FIRST), ends).commit()
    assert ends.told == []


@pytest.mark.rule("P3")
def test_p3_source_transaction_without_rows_moves_the_position_too() -> None:
    ends = Ends()
    current = checkpoint(Stream(last=FIRST), ends)
    current.batch_done(more=False)
    assert ends.told == [], "nothing was received"
    current.transaction_done()
    current.batch_done(more=False)
    assert [what for what, _ in ends.told] == ["commit", "confirm", "observed"]
    assert ends.told[2][1] == (0, 1, 0.5)


@pytest.mark.rule("P6")
def test_p6_position_says_how_much_of_an_open_transaction_is_done() -> None:
    part = OpenTransaction(commit_lsn=290, xid=8, ordinal=20)
    ends = Ends(rows=20)
    current = checkpoint(Stream(last=FIRST, open_part=part, inside=True), ends)
    current.commit()
    assert (current.position.last, current.position.open) == (FIRST, part)


@pytest.mark.rule("S1")
def test_s1_position_carries_what_no_snapshot_is_known_to_see() -> None:
    current = checkpoint(Stream(last=FIRST), Ends(rows=1))
    current.commit()
    assert current.position.unseen == UNSEEN


@pytest.mark.rule("V6")
def test_v6_greatest_lsn_that_a_read_may_have_seen_stays_in_the_position() -> None:
    ends = Ends(rows=1)
    current = checkpoint(Stream(last=FIRST), ends)
    current.seen(500)
    current.seen(400)
    current.commit()
    assert current.position.seen_lsn == 500


NEAR = {
    "half the rows": (Ends(rows=50), True),
    "fewer": (Ends(rows=49), False),
    "half the bytes": (Ends(rows=1, size=5_000), True),
    "open for its time": (Ends(rows=1, open_s=0.2), True),
    "open for less": (Ends(rows=1, open_s=0.1), False),
    "nothing to commit": (Ends(open_s=9.0), False),
}


@pytest.mark.parametrize(("ends", "committed"), NEAR.values(), ids=NEAR)
def test_whole_transactions_are_committed_where_a_bound_is_near(ends: Ends, committed: bool) -> None:
    checkpoint(Stream(last=SECOND), ends).transaction_done()
    assert bool(ends.told) == committed


BATCHES = {
    "all is read": (Stream(last=FIRST), Ends(rows=1), False, True),
    "more is to be read": (Stream(last=FIRST), Ends(rows=1), True, False),
    "inside a transaction": (Stream(inside=True), Ends(rows=1, open_s=5.0), False, False),
    "inside one whose rest does not come": (Stream(inside=True), Ends(rows=1, open_s=5.1), True, True),
}


@pytest.mark.parametrize(("stream", "ends", "more", "committed"), BATCHES.values(), ids=BATCHES)
def test_batch_is_committed_when_nothing_is_left_to_read(
    stream: Stream, ends: Ends, more: bool, committed: bool
) -> None:
    checkpoint(stream, ends).batch_done(more=more)
    assert bool(ends.told) == committed
