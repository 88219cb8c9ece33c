"""Names and types of columns in Avro."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_types import AVRO_TYPES, ColumnType, escape_name, unescape_name

NAMES = {
    "plain": ("created_at", "created_at"),
    "dollar": ("a$b", "a_x24_b"),
    "space": ("unit price", "unit_x20_price"),
    "beginning with a digit": ("1st", "_x31_st"),
    "letters of another script": ("größe", "gr_xf6__xdf_e"),
    "beyond the first plane": ("\U0001f600", "_x1f600_"),
    "what looks like an escape": ("a_x24_b", "a_x5f_x24_b"),
    "what does not look like one": ("max_x", "max_x"),
    "hyphen": ("x-y", "x_x2d_y"),
}


@pytest.mark.parametrize(("name", "escaped"), NAMES.values(), ids=NAMES)
def test_name_is_escaped_reversibly(name: str, escaped: str) -> None:
    assert escape_name(name) == escaped
    assert unescape_name(escaped) == name


@given(st.one_of(st.text(min_size=1), st.text(alphabet="_x24ag", min_size=1)))
def test_any_name_becomes_an_avro_name_and_comes_back(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", escape_name(name))
    assert unescape_name(escape_name(name)) == name


@given(st.text(alphabet="_x24ag5f", min_size=1), st.text(alphabet="_x24ag5f", min_size=1))
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (escape_name(one) == escape_name(other)) == (one == other)


def test_field_carries_the_type_of_postgres_beside_its_own() -> None:
    assert ColumnType("unit price", "numeric(10,2)", 1700, "numeric").field() == {
        "name": "unit_x20_price",
        "type": ["null", "string"],
        "default": None,
        "pg_column": "unit price",
        "pg_type": "numeric(10,2)",
        "pg_oid": 1700,
        "pg_kind": "numeric",
    }


@pytest.mark.parametrize("kind", ["date", "time", "timestamp", "timestamptz"])
def test_kinds_with_values_that_avro_cannot_hold_have_a_branch_for_text(kind: str) -> None:
    assert AVRO_TYPES[kind][-1] == "string"
    assert ColumnType("at", kind, 0, kind).field()["type"] == ["null", *AVRO_TYPES[kind]]
