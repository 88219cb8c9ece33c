"""
Reads the JSON of our records into their dataclasses (pure), by the types of the fields.

Rule 1: whatever the bytes are, a whole record comes out, or a `RecordError`: the type of every value is looked at.
Rule 2: a field that is not known is passed over: a newer release added it. One that is not there has its default.
Rule 3: a newer format is told apart (`NewerFormat`): nothing is known of such a record but that.
Rule 4: errors name fields and types, never values.

Keeps: P14.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from schemas.errors import NewerFormat, RecordError

T = TypeVar("T")
Read = Callable[[Any], Any]
_MOST, _LEAST = 2**63 - 1, -(2**63)  # what Kafka, Vespa and SQLite hold
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", NoneType: "null"}


class _Unfit(Exception):
    """A value of another type; `path` leads to it."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected)
        self.expected, self.found = expected, found
        self.path: list[str] = []


def read_object(value: bytes, name: str, format_: int) -> dict[str, Any]:
    """The fields of a record of this format; raises `RecordError`, `NewerFormat`."""
    try:
        raw = orjson.loads(value)
    except ValueError as exc:
        raise RecordError(f"expected a {name} record in JSON, got other bytes") from exc
    found = raw.get("format") if type(raw) is dict else None
    if type(found) is int and found > format_:
        raise NewerFormat(
            expected=f"a {name} record of format {format_}",
            found=f"one of format {found}, which a newer release wrote",
            remedy="update this service first",
        )
    if type(found) is not int or found != format_:
        raise RecordError(f"expected a {name} record of format {format_}, got something else")
    return raw  # type: ignore[no-any-return]


def read_record(kind: type[T], raw: Mapping[str, Any], name: str) -> T:
    """The dataclass that these fields (of `read_object`) are; raises `RecordError`."""
    read: Read = _reader(kind)  # type: ignore[arg-type]  # a type is hashable
    try:
        record: T = read(dict(raw))
    except _Unfit as exc:
        where = f"{'.'.join(reversed(exc.path))} of " if exc.path else ""
        raise RecordError(f"expected {exc.expected} as {where}a {name} record, got {exc.found}") from None
    return record


@cache
def _reader(kind: Hashable) -> Read:
    origin, given = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (own,) = (each for each in given if each is not NoneType)
        return _or_null(_reader(own))
    if origin is tuple:
        return _list(_reader(given[0])) if given[1:] == (...,) else _tuple([_reader(each) for each in given])
    if origin is not None and issubclass(origin, Mapping):
        return _map(_reader(given[1]))
    if is_dataclass(kind):
        return _object(kind)
    assert isinstance(kind, type)
    return _plain(kind)


def _plain(kind: type) -> Read:
    if kind is int:
        return _whole
    if issubclass(kind, StrEnum):
        return lambda raw: _member(kind, raw)
    return lambda raw: _exactly(kind, raw)


def _whole(raw: object) -> int:
    if type(raw) is int and _LEAST <= raw <= _MOST:
        return raw
    raise _Unfit("a whole number of 64 bits", _kind(raw))


def _exactly(kind: type, raw: object) -> object:
    if type(raw) is kind:
        return raw
    raise _Unfit(_KINDS[kind], _kind(raw))


def _member(kind: type[StrEnum], raw: object) -> StrEnum:
    try:
        return kind(str(_exactly(str, raw)))
    except ValueError:
        raise _Unfit(f"one of {', '.join(kind)}", _kind(raw)) from None


def _or_null(read: Read) -> Read:
    return lambda raw: None if raw is None else read(raw)


def _list(read: Read) -> Read:
    return lambda raw: tuple([_within("[]", read, each) for each in _exactly(list, raw)])  # type: ignore[attr-defined]


def _tuple(reads: list[Read]) -> Read:
    def read(raw: Any) -> tuple[Any, ...]:  # noqa: ANN401
        _exactly(list, raw)
        if len(raw) != len(reads):
            raise _Unfit(f"a list of {len(reads)}", f"one of {len(raw)}")
        return tuple([_within("[]", each, item) for each, item in zip(reads, raw, strict=True)])

    return read


def _map(read: Read) -> Read:
    def of(raw: Any) -> dict[str, Any]:  # noqa: ANN401
        _exactly(dict, raw)
        return {name: _within("{}", read, each) for name, each in raw.items()}

    return of


def _object(kind: Any) -> Read:  # noqa: ANN401
    hints = get_type_hints(kind)
    known = [(each.name, _reader(hints[each.name]), _is_required(each)) for each in fields(kind)]

    def read(raw: Any) -> Any:  # noqa: ANN401
        _exactly(dict, raw)
        given = {}
        for name, own, required in known:
            if name in raw:
                given[name] = _within(name, own, raw[name])
            elif required:
                raise _Unfit(f"field {name}", "none")
        return kind(**given)

    return read


def _within(name: str, read: Read, raw: object) -> Any:  # noqa: ANN401
    try:
        return read(raw)
    except _Unfit as exc:
        exc.path.append(name)
        raise


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _kind(raw: object) -> str:
    return _KINDS.get(type(raw), "another number" if isinstance(raw, (int, float)) else "something else")
