"""
JSON of our records (pure): dataclasses as objects, in the order of their fields.

Unlike `dataclasses.asdict` it copies nothing: a record of `_file_rows` is written for each row of a spreadsheet.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache

import orjson


def json_bytes(value: object) -> bytes:
    """Compact JSON in UTF-8; halves of surrogate pairs become `?`. Raises `TypeError` for what JSON cannot say."""
    try:
        return orjson.dumps(value)
    except TypeError:  # halves of surrogate pairs, for one
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_fields)
        return text.encode("utf-8", "replace")


def _fields(value: object) -> dict[str, object]:
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"expected a value that JSON can hold, got {type(value).__name__}")
    return {name: getattr(value, name) for name in _names(type(value))}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))
