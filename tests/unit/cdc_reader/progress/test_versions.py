"""Rule V8: versions only rise."""

from __future__ import annotations

import pytest

from cdc_reader.progress.versions import Versions, seed


def test_version_is_the_time_when_the_clock_is_ahead() -> None:
    assert Versions(100).next(250) == 250


@pytest.mark.rule("V8")
def test_v8_version_rises_though_the_clock_runs_back() -> None:
    versions = Versions(100)
    assert [versions.next(now) for now in (250, 250, 90, 251, 400)] == [250, 251, 252, 253, 400]


@pytest.mark.rule("V8")
def test_v8_seed_is_above_every_version_known() -> None:
    assert seed([500, 900, 20], now_us=400) == 900
    assert seed([], now_us=400) == 399
