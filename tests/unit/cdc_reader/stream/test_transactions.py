"""Rules P4 and P6: what comes first after a start, and what of it is published already."""

from __future__ import annotations

import pytest

from cdc_reader.pgoutput.messages import Begin, Commit
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.pg_snapshot import Snapshot
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.stream.transactions import Transactions
from schemas.errors import GapFound, ProtocolError
from schemas.offsets import OpenTransaction, TransactionMark, Unseen

LAST = TransactionMark(commit_lsn=100, end_lsn=110, xid=7, commit_ts_us=1_000)
FIRST = Begin(Lsn(100), 1_000, 7)
NEXT = Begin(Lsn(200), 2_000, 8)


def nothing_seen() -> UnseenTransactions:
    return UnseenTransactions(Snapshot(1, 1, frozenset()))


def commit_of(begin: Begin) -> Commit:
    return Commit(0, begin.final_lsn, Lsn(begin.final_lsn.value + 10), begin.commit_ts_us)


@pytest.mark.rule("P4")
def test_p4_stored_last_transaction_is_skipped_whole() -> None:
    transactions = Transactions(LAST, None, nothing_seen())
    transactions.on_begin(FIRST)
    assert transactions.skipping
    assert transactions.on_commit(commit_of(FIRST)) == LAST
    transactions.on_begin(NEXT)
    assert transactions.skip == 0


OTHERS = {
    "another commit LSN": Begin(Lsn(101), 1_000, 7),
    "another xid": Begin(Lsn(100), 1_000, 8),
    "another time": Begin(Lsn(100), 1_001, 7),
}


@pytest.mark.rule("P4")
@pytest.mark.parametrize("begin", OTHERS.values(), ids=OTHERS)
def test_p4_another_past_is_a_gap(begin: Begin) -> None:
    with pytest.raises(GapFound):
        Transactions(LAST, None, nothing_seen()).on_begin(begin)


@pytest.mark.rule("P6")
def test_p6_open_transaction_goes_on_behind_what_is_published() -> None:
    transactions = Transactions(LAST, OpenTransaction(commit_lsn=200, xid=8, ordinal=5), nothing_seen())
    transactions.on_begin(FIRST)
    transactions.on_commit(commit_of(FIRST))
    transactions.on_begin(NEXT)
    assert transactions.skip == 5
    transactions.ordinal = 9
    assert transactions.opened() == OpenTransaction(200, 8, 9)
    assert transactions.on_commit(commit_of(NEXT)).xid == 8
    assert transactions.opened() is None


@pytest.mark.rule("P6")
def test_p6_position_inside_a_transaction_never_falls_behind_what_is_published() -> None:
    transactions = Transactions(None, OpenTransaction(commit_lsn=200, xid=8, ordinal=5), nothing_seen())
    transactions.on_begin(NEXT)
    transactions.ordinal = 2
    assert transactions.opened() == OpenTransaction(200, 8, 5)


@pytest.mark.rule("P6")
def test_p6_open_transaction_that_does_not_come_is_a_gap() -> None:
    transactions = Transactions(None, OpenTransaction(commit_lsn=150, xid=9, ordinal=5), nothing_seen())
    with pytest.raises(GapFound):
        transactions.on_begin(NEXT)


@pytest.mark.rule("P6")
def test_p6_open_transaction_that_ends_too_early_is_a_gap() -> None:
    transactions = Transactions(None, OpenTransaction(commit_lsn=200, xid=8, ordinal=5), nothing_seen())
    transactions.on_begin(NEXT)
    transactions.ordinal = 4
    with pytest.raises(GapFound):
        transactions.on_commit(commit_of(NEXT))


def test_first_start_takes_whatever_comes() -> None:
    transactions = Transactions(None, None, nothing_seen())
    transactions.on_begin(NEXT)
    assert (transactions.skip, transactions.opened()) == (0, None)
    assert transactions.on_commit(commit_of(NEXT)) == TransactionMark(200, 210, 8, 2_000)


def test_begin_inside_a_transaction_is_a_protocol_error() -> None:
    transactions = Transactions(None, None, nothing_seen())
    transactions.on_begin(FIRST)
    with pytest.raises(ProtocolError):
        transactions.on_begin(NEXT)


def test_commit_of_another_transaction_is_a_protocol_error() -> None:
    transactions = Transactions(None, None, nothing_seen())
    with pytest.raises(ProtocolError):
        transactions.on_commit(commit_of(NEXT))
    transactions.on_begin(FIRST)
    with pytest.raises(ProtocolError):
        transactions.on_commit(commit_of(NEXT))


@pytest.mark.rule("S1")
def test_s1_whatever_begins_is_unseen_also_what_is_skipped() -> None:
    transactions = Transactions(LAST, None, nothing_seen())
    for begin in (FIRST, NEXT):
        transactions.on_begin(begin)
        transactions.on_commit(commit_of(begin))
    assert transactions.unseen() == Unseen((7, 8))
