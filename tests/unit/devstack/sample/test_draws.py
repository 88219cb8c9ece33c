"""The repeatable generator behind all values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devstack.sample.draws import Draws, mix, seed_of


def test_sequence_of_a_seed_is_known() -> None:
    draws = Draws(42)
    assert [draws.below(1000) for _ in range(6)] == [568, 225, 412, 630, 680, 26]


def test_seed_depends_on_the_order_and_borders_of_its_parts() -> None:
    assert len({seed_of("a", "b"), seed_of("b", "a"), seed_of("ab"), seed_of("a", "b", "")}) == 4


def test_neighbouring_numbers_are_spread() -> None:
    assert mix(0, 0) == 0xE220A8397B1DCDAF
    assert len({mix(5, number) >> 32 for number in range(100)}) == 100


@given(seed=st.integers(0, 2**64 - 1), low=st.integers(-1000, 1000), width=st.integers(0, 2**31))
def test_draws_stay_within_their_bounds(seed: int, low: int, width: int) -> None:
    assert low <= Draws(seed).between(low, low + width) <= low + width


def test_every_choice_is_drawn() -> None:
    draws = Draws(1)
    assert {draws.one_of("abcd") for _ in range(100)} == set("abcd")
