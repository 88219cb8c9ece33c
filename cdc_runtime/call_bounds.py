"""
What becomes of a call into a client library that does not return (pure).

Rule 1: a call that may be left behind is left behind past its bound, one in the life of a process; every other ends the
        process: what is not committed is read again.
Rule 2: a transaction's time < the bound of a call in it < the time in which a member of a group must poll. So a call is
        left behind when the broker has ended its transaction, and the group keeps its member meanwhile.
Rule 3: time in which the process itself did not run (frozen, or a host asleep) is no time of a call.

Keeps: P13.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from schemas.errors import Neighbour

# What a call has beyond the time-out that its library was given.
MARGIN_S = 30.0
# What a call in a transaction has beyond the transaction's time.
_TRANSACTION_MARGIN_S = 10.0
# A call that waits for nothing in particular, such as closing a client or changing what is read.
QUIET_S = 60.0
# How often calls are looked at; a longer time between two looks was none of the process.
LOOK_S = 0.5
_LONGEST_LOOK_S = 4 * LOOK_S
# A call that takes longer than this is a reason for not being ready.
SLOW_S = 10.0
# How often a member of a group must poll: above the longest round of a member, which holds calls in their bounds.
MAX_POLL_S = 150.0


@dataclass(frozen=True, slots=True)
class Call:
    """
    A call into a client library: its name as the library has it, whose it is, and its bound.

    One that is `long` takes its time by its nature: it says nothing of whether the service is alive or ready.
    """

    name: str
    neighbour: Neighbour
    bound_s: float
    may_be_left: bool = False
    long: bool = False


class Verdict(Enum):
    """What must happen to a call."""

    WAIT = auto()
    LEAVE = auto()
    END = auto()


def verdict(call: Call, waited_s: float, left_before: int) -> Verdict:
    """What must happen to a call that has not returned for so long, where so many were left behind before."""
    if waited_s < call.bound_s:
        return Verdict.WAIT
    return Verdict.LEAVE if call.may_be_left and not left_before else Verdict.END


def counted_s(elapsed_s: float) -> float:
    """How much of the time between two looks counts."""
    return min(elapsed_s, _LONGEST_LOOK_S)


def bound_of(timeout_s: float) -> float:
    """The bound of a call that was given such a time-out."""
    return timeout_s + MARGIN_S


def transaction_bound_s(transaction_s: float, max_poll_s: float = MAX_POLL_S) -> float:
    """The bound of a call in a transaction of such a time; raises `ValueError` when rule 2 cannot be kept."""
    bound_s = transaction_s + _TRANSACTION_MARGIN_S
    if bound_s >= max_poll_s:
        raise ValueError(
            f"expected a transaction's time below {max_poll_s - _TRANSACTION_MARGIN_S:g} s, got {transaction_s:g} s"
        )
    return bound_s
