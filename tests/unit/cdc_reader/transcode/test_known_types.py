"""Which types may be asked for in binary, by what the catalog says of them."""

from __future__ import annotations

from typing import Any

import pytest

from cdc_reader.transcode.kinds import OTHER, TEXT
from cdc_reader.transcode.known_types import UNSENT, KnownTypes
from cdc_reader.transcode.type_shapes import ARRAY, BASE, COMPOSITE, DOMAIN, ENUM, MULTIRANGE, RANGE, TypeShape

INT4, MONEY, REGCLASS, INET, CHAR, LSN, INTERVAL, XML, JSONPATH = 23, 790, 2205, 869, 18, 3220, 1186, 142, 4072
OWN = 70_000


def own(kind: str, *parts: int, extension: str = "", sent: bool = True) -> TypeShape:
    return TypeShape(OWN, kind, parts, extension, sent)


def binary(*shapes: TypeShape, **more: Any) -> bool:
    return KnownTypes(shapes, **{"version": 180000, **more}).kind_of(OWN).binary


PRINTED = {
    "array": own(ARRAY, INT4),
    "enum": own(ENUM),
    "composite": own(COMPOSITE, INT4, INET),
    "composite without attributes": own(COMPOSITE),
    "range": own(RANGE, INT4),
    "domain": own(DOMAIN, INET),
    "citext": own(BASE, extension="citext.citext"),
    "pgvector": own(BASE, extension="vector.vector"),
}


@pytest.mark.parametrize("shape", PRINTED.values(), ids=PRINTED)
def test_types_that_are_printed_are_asked_for_in_binary(shape: TypeShape) -> None:
    """Red with `kind_of` that knows the types with a kind of their own alone: one array made the whole stream text."""
    assert binary(shape)


NOT_PRINTED = {
    "an array of what follows a locale": own(ARRAY, MONEY),
    "a composite with what follows the catalog": own(COMPOSITE, INT4, REGCLASS),
    "a range of what is not known": own(RANGE, 70_001),
    "a domain over what follows a locale": own(DOMAIN, MONEY),
    "an unknown extension's type": own(BASE, extension="cube.cube"),
    "a type of that name from another extension": own(BASE, extension="mine.hstore"),
    "a base type that somebody made": own(BASE),
    "an array of what has no binary form": own(ARRAY, 1033),
}


@pytest.mark.rule("P8")
@pytest.mark.parametrize("shape", NOT_PRINTED.values(), ids=NOT_PRINTED)
def test_types_that_cannot_be_printed_need_text(shape: TypeShape) -> None:
    kind = KnownTypes([shape, TypeShape(1033, BASE, sent=False)], version=180000).kind_of(OWN)
    assert (kind.binary, kind.sent) == (False, True)


@pytest.mark.parametrize("oid", [MONEY, REGCLASS, 24, 2202, 2203, 2204, 2206, 3734, 3769, 4089, 4096, 4191, 99_999])
def test_money_and_names_of_the_catalog_need_text(oid: int) -> None:
    assert KnownTypes(version=180000).kind_of(oid) is OTHER


def test_type_without_a_send_function_is_text_in_any_stream() -> None:
    """Red with OTHER for it: one aclitem made the whole stream text."""
    assert KnownTypes([own(BASE, sent=False)]).kind_of(OWN) is UNSENT


def test_parts_are_found_through_domains_and_arrays() -> None:
    shapes = [own(ARRAY, 70_001), TypeShape(70_001, DOMAIN, (70_002,)), TypeShape(70_002, MULTIRANGE, (70_003,))]
    assert binary(*shapes, TypeShape(70_003, RANGE, (INT4,)))
    assert not binary(*shapes, TypeShape(70_003, RANGE, (MONEY,)))


def test_elements_are_parted_as_their_type_says_under_domains_too() -> None:
    types = KnownTypes([own(ARRAY, 70_001), TypeShape(70_001, DOMAIN, (603,))], version=180000)
    box = bytes.fromhex("3ff0000000000000" * 4)
    wire = bytes.fromhex("00000001 00000000 00011171 00000002 00000001") + 2 * (b"\0\0\0\x20" + box)
    assert types.kind_of(OWN).from_binary is not None
    assert types.kind_of(OWN).from_binary(wire) == "{(1,1),(1,1);(1,1),(1,1)}"  # type: ignore[misc]


def test_texts_have_the_fast_path_of_text() -> None:
    """Enums, citext, xml: what is sent is what is printed."""
    assert KnownTypes([own(ENUM)]).kind_of(OWN) is TEXT
    assert KnownTypes().kind_of(XML) is TEXT


@pytest.mark.rule("P8")
def test_what_servers_print_otherwise_is_theirs() -> None:
    """Red without the versions: bytes that are not ASCII as octals, infinite intervals, padded positions."""
    old, new, later = (KnownTypes(version=version) for version in (150000, 180000, 190000))
    assert [types.kind_of(CHAR).binary for types in (old, new, later)] == [False, True, True]
    assert [types.kind_of(LSN).binary for types in (old, new, later)] == [True, True, False]
    ends = bytes.fromhex("7fffffffffffffff7fffffff7fffffff")
    words = [types.kind_of(INTERVAL).printer(ends) for types in (old, new)]  # type: ignore[misc]
    assert words == [b"178956970 years 7 mons 2147483647 days 2562047788:00:54.775807", b"infinity"]


def test_hstore_is_read_where_nothing_converts_its_texts() -> None:
    """Red without the encoding: their sizes are those of before."""
    shape = own(BASE, extension="hstore.hstore")
    assert [binary(shape, encoding=name) for name in ("UTF8", "SQL_ASCII", "LATIN1", "EUC_JP")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.rule("P8")
def test_nothing_is_printed_where_texts_are_recoded_here() -> None:
    """Red without `printing`: texts within other values would not be found."""
    types = KnownTypes([own(ENUM), TypeShape(70_001, ARRAY, (INT4,))], version=180000, printing=False)
    assert [types.kind_of(oid) for oid in (OWN, 70_001, XML, INET, JSONPATH)] == [OTHER] * 5
    assert types.kind_of(INT4).binary


def test_types_that_come_to_be_known_are_kinds_from_then_on() -> None:
    types = KnownTypes(version=180000)
    assert not types.kind_of(OWN).binary
    assert types.knowing([own(ENUM)]).kind_of(OWN).binary
    assert types.knowing([own(ENUM)]).kind_of(CHAR).binary
