from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from schemas.json_values import json_bytes


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    parts: tuple[Part, ...]
    colour: Colour = Colour.RED
    values: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None


def test_dataclasses_are_objects_in_the_order_of_their_fields():
    whole = Whole((Part("Säge", (1, 2)), Part("b")), values={"ü": '"'})
    assert (
        json_bytes(whole)
        == (
            '{"parts":[{"name":"Säge","sizes":[1,2]},{"name":"b","sizes":[]}],"colour":"red",'
            '"values":{"ü":"\\""},"note":null}'
        ).encode()
    )


def test_dataclass_within_other_values_is_an_object():
    assert json_bytes({"part": Part("a")}) == b'{"part":{"name":"a","sizes":[]}}'


def test_half_of_a_surrogate_pair_is_replaced():
    assert json_bytes(["a\ud800"]) == b'["a?"]'


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}, Part])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(TypeError):
        json_bytes([value])
