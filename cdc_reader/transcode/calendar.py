"""Days and microseconds as dates that PostgreSQL can print, beyond what Python's datetime can hold."""

from __future__ import annotations

from datetime import date

UNIX_EPOCH_DAY = date(1970, 1, 1).toordinal()
POSTGRES_EPOCH_DAY = date(2000, 1, 1).toordinal() - UNIX_EPOCH_DAY
DAY_US = 86_400_000_000
POSTGRES_EPOCH_US = POSTGRES_EPOCH_DAY * DAY_US
FIRST_DAY = date.min.toordinal() - UNIX_EPOCH_DAY  # 0001-01-01
LAST_DAY = date.max.toordinal() - UNIX_EPOCH_DAY  # 9999-12-31
_CYCLE_DAYS = 146_097  # 400 years
_CYCLE_YEARS = 400


def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; year 0 is 1 BC. Raises ValueError when there is no such day."""
    cycles, rest = divmod(year - 1, _CYCLE_YEARS)
    return date(rest + 1, month, day).toordinal() + cycles * _CYCLE_DAYS - UNIX_EPOCH_DAY


def date_text(day: int) -> tuple[str, str]:
    """The day as PostgreSQL prints it (DateStyle=ISO), and the suffix " BC" or nothing."""
    cycles, rest = divmod(day + UNIX_EPOCH_DAY - 1, _CYCLE_DAYS)
    within = date.fromordinal(rest + 1)
    year = within.year + cycles * _CYCLE_YEARS
    shown, suffix = (year, "") if year > 0 else (1 - year, " BC")
    return f"{shown:04}-{within.month:02}-{within.day:02}", suffix


def time_text(micros: int) -> str:
    """A time of day; no more digits of the second than it has."""
    seconds, fraction = divmod(micros, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    whole = f"{hour:02}:{minute:02}:{second:02}"
    return f"{whole}.{fraction:06}".rstrip("0") if fraction else whole
