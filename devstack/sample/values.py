"""
How the values of the sample rows are made: functions that take draws and a row number and give PostgreSQL's text.

The factories at the top give the usual value of each type; the rest make what a column of a construction
database holds. References and keys are `rows`' business.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta

from devstack.sample import words
from devstack.sample.draws import Draws, mix
from devstack.sample.model import Fill

_FIRST_DAY = date(2021, 1, 4)
_DAYS = tuple((_FIRST_DAY + timedelta(days=number)).isoformat() for number in range(1900))
_PAGES_EVERY = 20
_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))


# --- numbers -----------------------------------------------------------------------------------------------------


def integer(low: int, high: int) -> Fill:
    """Whole numbers from `low` to `high`."""
    return lambda draws, _: str(draws.between(low, high))


def money(high: int) -> Fill:
    """Amounts with two decimals below `high`, one in twenty of them negative."""

    def fill(draws: Draws, _: int) -> str:
        sign = "-" if draws.below(20) == 0 else ""
        return f"{sign}{draws.below(high)}.{draws.below(100):02}"

    return fill


def decimal(high: int, scale: int) -> Fill:
    """Numbers from 0 to below `high` with `scale` decimals."""
    return lambda draws, _: f"{draws.below(high)}.{draws.below(10**scale):0{scale}}"


def long_decimal(draws: Draws, _: int) -> str:
    """A number with more digits than any machine type holds."""
    return f"{draws.bits()}{draws.bits()}.{draws.bits()}"


def real(high: int) -> Fill:
    """Numbers with three decimals below `high`, half of them negative."""
    return lambda draws, _: repr((draws.below(high * 2000) - high * 1000) / 1000)


def boolean(draws: Draws, _: int) -> str:
    """True or false."""
    return "t" if draws.below(2) else "f"


# --- times -------------------------------------------------------------------------------------------------------


def day(first: int = 0, count: int = 1900) -> Fill:
    """Dates, `count` of them from the day number `first` after the start of 2021."""
    return lambda draws, _: _DAYS[first + draws.below(count)]


def moment(first: int = 0, count: int = 1900, zone: str = "+00") -> Fill:
    """Points of time with microseconds."""

    def fill(draws: Draws, _: int) -> str:
        at = draws.below(86_400)
        clock = f"{_TWO_DIGITS[at // 3600]}:{_TWO_DIGITS[at // 60 % 60]}:{_TWO_DIGITS[at % 60]}"
        return f"{_DAYS[first + draws.below(count)]} {clock}.{draws.below(1_000_000):06}{zone}"

    return fill


def clock(draws: Draws, _: int) -> str:
    """A time of day."""
    return f"{draws.below(24):02}:{draws.below(60):02}:{draws.below(60):02}"


def span(draws: Draws, _: int) -> str:
    """A length of time."""
    clock = f"{draws.below(24):02}:{draws.below(60):02}:00.{draws.below(1000):03}"
    return f"{draws.below(3)} mons {draws.below(30)} days {clock}"


# --- texts -------------------------------------------------------------------------------------------------------


def one_of(*choices: str) -> Fill:
    """One of the given texts."""
    return lambda draws, _: draws.one_of(choices)


def title(draws: Draws, _: int) -> str:
    """A short line: `Seal leaking roof drain at level 3`."""
    verb, adjective = draws.one_of(words.VERBS).capitalize(), draws.one_of(words.ADJECTIVES)
    return f"{verb} {adjective} {draws.one_of(words.NOUNS)} {draws.one_of(words.PLACES)}"


def sentences(low: int, high: int) -> Fill:
    """From `low` to `high` sentences."""
    return lambda draws, number: ". ".join(title(draws, number) for _ in range(draws.between(low, high))) + "."


def numbered(prefix: str, digits: int = 4) -> Fill:
    """The row's number behind a prefix: `RFI-0012`."""
    return lambda _, number: f"{prefix}{number + 1:0{digits}}"


def person(draws: Draws, _: int) -> str:
    """A person's full name."""
    return f"{draws.one_of(words.GIVEN_NAMES)} {draws.one_of(words.FAMILY_NAMES)}"


def email(_: Draws, number: int) -> str:
    """An address of its own for each row."""
    return f"user{number + 1}@example.com"


def firm(draws: Draws, _: int) -> str:
    """A company's name."""
    return f"{draws.one_of(words.FAMILY_NAMES)} {draws.one_of(words.TRADES)} {draws.one_of(words.FIRMS)}"


def building(draws: Draws, number: int) -> str:
    """A project's name, its number behind it."""
    return f"{draws.one_of(words.CITIES)} {draws.one_of(words.BUILDINGS)} {number + 1}"


def code(letters: str, digits: int) -> Fill:
    """A code of fixed width: one of `letters` and so many digits."""
    return lambda draws, _: f"{letters[draws.below(len(letters))]}{draws.below(10**digits):0{digits}}"


def hexadecimal(digits: int) -> Fill:
    """So many hexadecimal digits, 16 at most, from the row's number."""
    return lambda _, number: f"{mix(digits, number):016x}"[:digits]


def body(every: int, usual: Fill) -> Fill:
    """
    Usual texts; in some rows several pages; in every so many-th row (from the sixth on) 100 to 300 kB of noise.

    The longest ones are those that PostgreSQL stores out of line, and leaves out of the stream when an update
    does not touch them.
    """

    def fill(draws: Draws, number: int) -> str:
        if number % every == 5:
            noise = hashlib.shake_256(f"{every}/{number}".encode()).digest(draws.between(76_000, 220_000))
            return f"{title(draws, number)}\n{base64.encodebytes(noise).decode()}"
        if number % _PAGES_EVERY == 3:
            return "\n\n".join(sentences(4, 8)(draws, number) for _ in range(draws.between(8, 20)))
        return usual(draws, number)

    return fill


def equipment_tag(_: Draws, number: int) -> str:
    """A text key; a few have characters that must be escaped in topics' keys, document ids and links."""
    odd = {1: "EQ/2", 2: "EQ,3", 3: "EQ%204", 4: "EQ 5 é", 5: "EQ\\6", 6: "EQ.7'\"", 7: "重機-8", 8: "EQ=9&x#y?z"}
    return odd.get(number, f"EQ-{number + 1:04}")


def cost_code(_: Draws, number: int) -> str:
    """A text key as the MasterFormat writes them: `03 30 00`."""
    return f"{number % 48 + 1:02} {number // 48 * 10:02} 00"


def wbs_code(_: Draws, number: int) -> str:
    """The first part of a composite key; each code has three revisions."""
    odd = {0: "A,1", 1: "B%2", 2: ""}
    return odd.get(number // 3, f"W.{number // 3:03}")


def wbs_revision(_: Draws, number: int) -> str:
    """The second part of a composite key: -1, 0 and 1."""
    return str(number % 3 - 1)


# --- documents, lists and bytes ----------------------------------------------------------------------------------


def document(make: Callable[[Draws], object]) -> Fill:
    """The JSON of what `make` returns."""
    return lambda draws, _: json.dumps(make(draws), ensure_ascii=False)


def custom_fields(draws: Draws) -> object:
    """What users add to a record: a small nested document."""
    return {
        "priority": draws.one_of(("low", "normal", "high")),
        "cost_impact": draws.below(100_000) / 100,
        "tags": [draws.one_of(words.NOUNS) for _ in range(draws.below(4))],
        "approved": draws.below(2) == 1,
        "reviewer": None if draws.below(3) else {"name": person(draws, 0), "level": draws.below(5)},
    }


def text_list(draws: Draws, _: int) -> str:
    """A `text[]` of up to four elements."""
    return "{" + ",".join(f'"{draws.one_of(words.NOUNS)}"' for _ in range(draws.below(5))) + "}"


def integer_list(draws: Draws, _: int) -> str:
    """An `integer[]` of up to five elements."""
    return "{" + ",".join(str(draws.between(-1000, 100_000)) for _ in range(draws.below(6))) + "}"


def raw_bytes(size: int) -> Fill:
    """A `bytea` of so many bytes."""
    return lambda draws, _: "\\x" + draws.bits().to_bytes(8, "big").hex() * (size // 8)


def address(draws: Draws, _: int) -> str:
    """An `inet`: a host of a private network."""
    return f"10.{draws.below(256)}.{draws.below(256)}.{draws.below(256)}"


def unique_id(draws: Draws, _: int) -> str:
    """A `uuid` of version 4."""
    return as_uuid(draws.bits(), draws.bits())


def as_uuid(high: int, low: int) -> str:
    """Write 128 bits as a version 4 uuid."""
    digits = f"{high:016x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
