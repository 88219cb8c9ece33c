"""
Records as they must never be, made of real ones: by a seed, so that each is made again.

Bytes are cut, flipped and put in; JSON has values of other types, other numbers, fields that are gone or new, newer
formats; keys and headers are others or none.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from cdc_runtime.consuming.records import Record

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 2**31, 2**63 - 1, 2**63, -(2**63), 10**20, 1.5, -0.0, 1e300),
    *("", "x", "5", "\x00", "\ufffe", "é" * 3, "a.b", "public.rows", "%zz", "x" * 5_000, "../..", "9" * 5_000),
    *([], [None], [1, 2], ["a"], [[]], {}, {"a": 1}, {"": None}, [{"a": [{}]}]),
)
BYTES = (b"", b"\x00", b"\xff", b"\xc3\x01", b"{", b"[]", b"null", b"7", b"\xed\xa0\x80", b"[" * 3_000, b"1" * 5_000)
HEADER = "rowferry.version"
FRAME_BYTES = 10


def mutants(record: Record, seed: int, count: int) -> Iterator[Record]:
    """So many records that are like this one, and are not it."""
    chance = random.Random(f"{seed} {record.topic} {record.key!r}")
    for _ in range(count):
        made = _mutant(record, chance)
        if made != record:
            yield made


def values(value: bytes, seed: int, count: int) -> Iterator[bytes]:
    """So many values that are like this one."""
    chance = random.Random(f"{seed} {value!r}")
    for _ in range(count):
        yield _value(value, chance) or b""


def _mutant(record: Record, chance: random.Random) -> Record:
    kind = chance.randrange(10)
    if kind == 0:
        return record._replace(key=chance.choice([None, *BYTES, _bytes(record.key or b"7", chance)]))
    if kind == 1:
        digits = chance.choice([b"1", b"1" + b"0" * 20, b"9" * 5_000, b"-1", b"\xc2\xb2", b"", None, b"x"])
        return record._replace(value=None, headers=chance.choice([(), ((HEADER, digits),)]))
    if kind == 2 and record.headers:
        name, value = chance.choice(record.headers)
        others = tuple(each for each in record.headers if each[0] != name)
        odd = chance.choice([*BYTES, b"1" + b"0" * 20, None, _bytes(value or b"7", chance)])
        return record._replace(headers=chance.choice([others, (*others, (name, odd))]))
    return record._replace(value=_value(record.value, chance))


def _value(value: bytes | None, chance: random.Random) -> bytes | None:
    if value is None:
        return chance.choice(BYTES)
    if chance.randrange(12) == 0:
        return chance.choice(BYTES)
    if value[:2] == b"\xc3\x01":  # of another schema it waits, and is not fuzzed here
        return value[:FRAME_BYTES] + _bytes(value[FRAME_BYTES:], chance)
    if value[:1] == b"{" and chance.randrange(5):
        return _json(json.loads(value), chance)
    return _bytes(value, chance)


def _bytes(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    more = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 5)))
    ways: list[Callable[[], bytes]] = [
        lambda: data[:at],
        lambda: data[at:],
        lambda: data[:at] + more + data[at:],
        lambda: data[:at] + more + data[at + len(more) :],
        lambda: data[:at] + data[at + 1 :],
        lambda: data + more,
    ]
    return chance.choice(ways)()


def _json(raw: Any, chance: random.Random) -> bytes:
    raw = copy.deepcopy(raw)
    for _ in range(chance.randrange(1, 3)):
        if chance.randrange(10) == 0:
            raw["format"] = chance.choice([2, 99, "1", 1.0, True, None, 0, -1, 10**20])
        else:
            _change(*chance.choice(list(_places(raw)) or [(raw, "added")]), chance)
    return json.dumps(raw).encode()


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a tree, with each of its names or numbers."""
    pairs = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for name, child in pairs:
        yield node, name
        yield from _places(child)


def _change(node: Any, name: Any, chance: random.Random) -> None:
    way = chance.randrange(6)
    if way == 0 and name in (node if isinstance(node, dict) else range(len(node))):
        del node[name]
    elif way == 1 and isinstance(node, dict):
        node["added"] = copy.deepcopy(chance.choice(ODD))
    elif way == 2 and isinstance(node, list):
        node.append(copy.deepcopy(chance.choice(ODD)))
    elif isinstance(node, dict) or name < len(node):
        node[name] = copy.deepcopy(chance.choice(ODD))
