"""
Whether a transaction may be made (pure): one state at a time, and all that may follow from it.

    state     when                       becomes
    --------  -------------------------  --------------------------------------------------------------
    Ready     a transaction happened     Ready, without failures                              `happened`
    Ready     it failed                  Pausing, in doubt of the partitions that it wrote to `failed`
    Pausing   its time is over           InDoubt where there is doubt, else Ready             `at`
    InDoubt   memory was read again      Ready, the failures still counted                    `certain`
    InDoubt   it cannot be read          Pausing, in the same doubt                           `failed`

Rule: the outcome of a transaction that failed is not known, so what is remembered of the partitions that it wrote to is
      in doubt until it has been read from the topics again: before that nothing is settled, nor started (rule F1).

`now` is a monotonic clock in seconds.

Keeps: F1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failures:
    """How many tries have failed since the last transaction that happened, and why the last of them."""

    count: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """What is remembered is what was committed: a transaction may be made."""

    failures: Failures = Failures()


@dataclass(frozen=True, slots=True)
class Pausing:
    """It is too early for another try; `in_doubt`: the state partitions whose memory may be wrong meanwhile."""

    until: float
    in_doubt: frozenset[int]
    failures: Failures


@dataclass(frozen=True, slots=True)
class InDoubt:
    """What is remembered of these state partitions may be wrong: before anything else it is read again."""

    in_doubt: frozenset[int]
    failures: Failures


State = Ready | Pausing | InDoubt


def doubts(state: State) -> frozenset[int]:
    """The state partitions whose memory may be wrong."""
    return frozenset() if isinstance(state, Ready) else state.in_doubt


def at(state: State, now: float) -> State:
    """The state at this time."""
    if not isinstance(state, Pausing) or now < state.until:
        return state
    return InDoubt(state.in_doubt, state.failures) if state.in_doubt else Ready(state.failures)


def happened() -> Ready:
    """A transaction was committed."""
    return Ready()


def failed(state: State, reason: str, partitions: Iterable[int], *, until: float) -> Pausing:
    """A transaction that wrote to these state partitions failed, or what is remembered could not be read again."""
    return Pausing(until, doubts(state) | frozenset(partitions), Failures(state.failures.count + 1, reason))


def certain(state: InDoubt) -> Ready:
    """What is remembered was read again."""
    return Ready(state.failures)
