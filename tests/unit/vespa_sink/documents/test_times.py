from __future__ import annotations

import pytest

from vespa_sink.documents.times import epoch_ms, long_value

TIMES = {
    "with zone": ("2024-02-29 12:30:15.123456+00", 1_709_209_815_123),
    "other zone": ("2024-02-29 12:30:15+05:30", 1_709_190_015_000),
    "without zone": ("2024-02-29 12:30:15", 1_709_209_815_000),
    "date": ("1970-01-02", 86_400_000),
    "before the epoch, rounded down": ("1969-12-31 23:59:59.9995+00", -1),
    "infinity": ("infinity", None),
    "before christ": ("0044-03-15 00:00:00 BC", None),
    "year past 9999": ("12024-02-29 12:30:15", None),
    "words": ("yesterday", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("text", "ms"), TIMES.values(), ids=TIMES)
def test_time_becomes_milliseconds(text: str, ms: int | None) -> None:
    assert epoch_ms(text) == ms


LONGS = {
    "plain": ("17", 17),
    "negative": ("-3", -3),
    "greatest": ("9223372036854775807", 2**63 - 1),
    "least": ("-9223372036854775808", -(2**63)),
    "too great": ("9223372036854775808", None),
    "far too great": ("1" * 400, None),
    "decimal": ("1.5", None),
    "other digits": ("\u0661", None),
    "text": ("P-17", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("text", "value"), LONGS.values(), ids=LONGS)
def test_only_integers_of_64_bits_become_longs(text: str, value: int | None) -> None:
    assert long_value(text) == value
