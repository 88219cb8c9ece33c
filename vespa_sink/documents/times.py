"""Times and numbers of a row, read from PostgreSQL's text into what a `long` field of Vespa holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1


def epoch_ms(text: str) -> int | None:
    """
    A date or timestamp as milliseconds since the Unix epoch, rounded down; without a zone it is taken as UTC.

    None for what has no such number: infinity, years BC or past 9999, text that is no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def long_value(text: str) -> int | None:
    """A whole number that a `long` field can hold; None for any other text."""
    if _INTEGER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if _LONG_MIN <= value <= _LONG_MAX else None
