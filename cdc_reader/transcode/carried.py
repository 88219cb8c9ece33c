"""
How one value is carried: the forms that a decoded value can take, and why one may not be carried at all.

Keeps: P8.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.errors import RecordError


class AsText(NamedTuple):
    """A value that the kind's own Avro type cannot hold: PostgreSQL's text, in the branch `string`.

    A tuple, since that is how fastavro is told which branch of a union is meant.
    """

    branch: str
    text: str


Carried = bool | int | float | str | bytes | AsText


class Uncarriable(RecordError):
    """A value that no event can carry; its column goes into `omitted` with this reason (rule P8)."""


class Unfit(RecordError):
    """Bytes that the table's definition does not explain: no value of the column's type, no tuple of its columns.

    Of a column its event does without (rule P8). Of a row's key, or of a whole tuple, it is the table's trouble (D8):
    what was meant is in the table, which is read again.
    """


NOT_UTF8 = "the value is not valid UTF-8"


def as_text(text: str) -> AsText:
    """The text itself, in the branch `string`."""
    return AsText("string", text)
