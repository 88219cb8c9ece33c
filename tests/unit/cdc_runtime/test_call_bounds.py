"""What becomes of a call that does not return (rule P13)."""

from __future__ import annotations

import pytest

from cdc_runtime.call_bounds import (
    LOOK_S,
    MAX_POLL_S,
    Call,
    Verdict,
    bound_of,
    counted_s,
    transaction_bound_s,
    verdict,
)
from cdc_runtime.settings.models import RESERVED_CLIENT_OPTIONS
from file_fetcher import service as fetcher
from file_fetcher.settling import publisher
from schemas.errors import Neighbour

OFFSETS = Call("send_offsets_to_transaction", Neighbour.KAFKA, 30.0, may_be_left=True)
COMMIT = Call("commit_transaction", Neighbour.KAFKA, 30.0)


@pytest.mark.rule("P13")
@pytest.mark.parametrize(
    ("call", "waited_s", "left_before", "expected"),
    [
        (OFFSETS, 29.9, 0, Verdict.WAIT),
        (OFFSETS, 30.0, 0, Verdict.LEAVE),
        (OFFSETS, 29.9, 1, Verdict.WAIT),
        (OFFSETS, 30.0, 1, Verdict.END),
        (COMMIT, 29.9, 0, Verdict.WAIT),
        (COMMIT, 30.0, 0, Verdict.END),
    ],
)
def test_p13_one_call_is_left_behind_once_and_every_other_ends_the_process(call, waited_s, left_before, expected):
    assert verdict(call, waited_s, left_before) is expected


@pytest.mark.rule("P13")
def test_p13_transaction_ends_before_its_call_is_left_and_the_call_before_the_group_loses_its_member():
    transaction_s = publisher._TRANSACTION_TIMEOUT_S
    bound_s = transaction_bound_s(transaction_s)
    assert (transaction_s, bound_s, MAX_POLL_S) == (20.0, 30.0, 150.0)
    assert transaction_s < bound_s < MAX_POLL_S


@pytest.mark.rule("P13")
def test_p13_longest_round_of_a_member_is_shorter_than_the_group_waits_for_it():
    """In doubt: a new producer, three waits for state, a transaction whose last call is left behind, and its heir."""
    doubt_s = publisher._AGAIN_TIMEOUT_S + 3 * fetcher._DOUBT_WAIT_S
    transaction_s = publisher._TRANSACTION_TIMEOUT_S + transaction_bound_s(publisher._TRANSACTION_TIMEOUT_S)
    assert doubt_s + transaction_s + publisher._AGAIN_TIMEOUT_S < MAX_POLL_S


@pytest.mark.rule("P13")
def test_p13_order_of_the_times_is_refused_when_it_cannot_be_kept():
    assert transaction_bound_s(45.0, 60.0) == 55.0
    with pytest.raises(ValueError, match="expected a transaction's time below 50 s, got 50 s"):
        transaction_bound_s(50.0, 60.0)


@pytest.mark.rule("P13")
def test_p13_nobody_else_sets_the_times_that_are_in_this_order():
    assert {"transaction.timeout.ms", "max.poll.interval.ms"} <= RESERVED_CLIENT_OPTIONS


@pytest.mark.rule("P13")
def test_p13_time_in_which_the_process_did_not_run_is_not_counted():
    assert counted_s(LOOK_S) == 0.5
    assert counted_s(600.0) == 2.0


@pytest.mark.rule("P13")
def test_p13_call_with_a_time_out_has_half_a_minute_more():
    assert bound_of(10.0) == 40.0
