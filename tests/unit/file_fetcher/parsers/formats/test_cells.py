from __future__ import annotations

import datetime as dt

import pytest

from file_fetcher.parsers.formats.cells import cell_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("beam", "beam"),
        ("", ""),
        (3.0, "3"),
        (-2.0, "-2"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (7, "7"),
        (True, "TRUE"),
        (False, "FALSE"),
        (dt.date(2024, 1, 5), "2024-01-05"),
        (dt.datetime(2024, 1, 5, 10, 5, 3), "2024-01-05 10:05:03"),
        (dt.time(10, 5), "10:05:00"),
        (dt.timedelta(hours=30, minutes=2), "30:02:00"),
        (dt.timedelta(seconds=-61), "-0:01:01"),
    ],
)
def test_cells_read_as_people_see_them(value, text):
    assert cell_text(value) == text
