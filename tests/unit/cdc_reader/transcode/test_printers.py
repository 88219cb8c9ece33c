"""Values that are printed from their binary form: written-out bytes, whatever is none, and both encoders alike."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdc_reader.transcode import ColumnPlan, Encoder, Uncarriable, Unfit, make_encoder
from cdc_reader.transcode.avro_bytes import string_bytes
from cdc_reader.transcode.kinds import Kind
from cdc_reader.transcode.known_types import KnownTypes
from cdc_reader.transcode.row_keys import binary_key_text
from cdc_reader.transcode.type_shapes import ARRAY, BASE, COMPOSITE, DOMAIN, MULTIRANGE, RANGE, TypeShape
from tests.unit.cdc_reader.transcode.cases import IMPLEMENTATIONS
from tests.unit.cdc_reader.transcode.tables import plan_of

PAIR, PAIRS, WORDS, VECTOR, HALFVEC, SPARSEVEC, HSTORE, LTREE, DEEP = range(70_000, 70_009)
INT2S, INT8S, UUIDS = 1005, 1016, 2951
SHAPES = (
    *(TypeShape(array, ARRAY, (element,)) for array, element in ((1007, 23), (1009, 25), (1001, 17), (1182, 1082))),
    TypeShape(1022, ARRAY, (701,)),
    TypeShape(INT2S, ARRAY, (21,)),
    TypeShape(INT8S, ARRAY, (20,)),
    TypeShape(UUIDS, ARRAY, (2950,)),
    TypeShape(1020, ARRAY, (603,)),
    TypeShape(3904, RANGE, (23,)),
    TypeShape(3910, RANGE, (1184,)),
    TypeShape(4451, MULTIRANGE, (3904,)),
    TypeShape(PAIR, COMPOSITE, (23, 25)),
    TypeShape(PAIRS, ARRAY, (PAIR,)),
    TypeShape(WORDS, RANGE, (25,)),
    TypeShape(VECTOR, BASE, extension="vector.vector"),
    TypeShape(HALFVEC, BASE, extension="vector.halfvec"),
    TypeShape(SPARSEVEC, BASE, extension="vector.sparsevec"),
    TypeShape(HSTORE, BASE, extension="hstore.hstore"),
    TypeShape(LTREE, BASE, extension="ltree.ltree"),
    TypeShape(DEEP, DOMAIN, (PAIRS,)),
)
TYPES = KnownTypes(SHAPES, version=180000)
# As PostgreSQL 18 prints and sends them.
CASES: list[tuple[int, str, str]] = [
    (18, "A", "41"),  # "char"
    (18, "", "00"),  # "char"
    (18, "\\377", "ff"),  # "char"
    (22, "1 -2", "000000010000000000000015000000020000000000000002000100000002fffe"),  # int2vector
    (30, "4294967295 7", "00000001000000000000001a000000020000000000000004ffffffff0000000400000007"),  # oidvector
    (27, "(4294967295,65535)", "ffffffffffff"),  # tid
    (28, "4294967295", "ffffffff"),  # xid
    (5069, "18446744073709551615", "ffffffffffffffff"),  # xid8
    (3220, "16/B374D848", "00000016b374d848"),  # pg_lsn
    (5038, "10:20:11,15", "00000002000000000000000a0000000000000014000000000000000b000000000000000f"),  # pg_snapshot
    (2970, "10:11:", "00000000000000000000000a000000000000000b"),  # txid_snapshot
    (1560, "101", "00000003a0"),  # bit(3)
    (1562, "", "00000000"),  # varbit
    (1562, "111111110", "00000009ff00"),  # varbit
    (869, "192.168.1.1", "02200004c0a80101"),  # inet
    (869, "10.1.2.3/8", "020800040a010203"),  # inet
    (869, "::ffff:1.2.3.4", "0380001000000000000000000000ffff01020304"),  # inet
    (869, "::1952", "0380001000000000000000000000000000001952"),  # inet
    (869, "1:0:0:2::/64", "0340001000010000000000020000000000000000"),  # inet
    (650, "10.0.0.0/8", "020801040a000000"),  # cidr
    (650, "2001:db8::1/128", "0380011020010db8000000000000000000000001"),  # cidr
    (829, "08:00:2b:01:02:03", "08002b010203"),  # macaddr
    (774, "08:00:2b:01:02:03:04:05", "08002b0102030405"),  # macaddr8
    (1266, "12:00:00+02", "0000000a0eebb000ffffe3e0"),  # timetz
    (1266, "24:00:00-03:30:15", "000000141dd7600000003147"),  # timetz
    (1266, "01:02:03.5+05:30", "00000000ddf019e0ffffb2a8"),  # timetz
    (1186, "00:00:00", "00000000000000000000000000000000"),  # interval
    (1186, "1 year 2 mons 03:04:05.6", "00000002925e7b00000000000000000e"),  # interval
    (1186, "-1 years +2 days 04:00:00", "000000035a4e900000000002fffffff4"),  # interval
    (1186, "1 mon -1 days +00:00:01", "00000000000f4240ffffffff00000001"),  # interval
    (1186, "-00:00:00.000001", "ffffffffffffffff0000000000000000"),  # interval
    (1186, "infinity", "7fffffffffffffff7fffffff7fffffff"),  # interval
    (1186, "-infinity", "80000000000000008000000080000000"),  # interval
    (
        1186,
        "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807",
        "80000000000000018000000080000000",
    ),  # interval
    (600, "(1,-0.5)", "3ff0000000000000bfe0000000000000"),  # point
    (601, "[(0,0),(NaN,Infinity)]", "000000000000000000000000000000007ff80000000000007ff0000000000000"),  # lseg
    (603, "(1,1),(0,0)", "3ff00000000000003ff000000000000000000000000000000000000000000000"),  # box
    (602, "((0,0),(1,1))", "0100000002000000000000000000000000000000003ff00000000000003ff0000000000000"),  # path
    (602, "[(0,0)]", "000000000100000000000000000000000000000000"),  # path
    (
        604,
        "((0,0),(1,1),(2,0))",
        "00000003000000000000000000000000000000003ff00000000000003ff000000000000040000000000000000000000000000000",
    ),  # polygon
    (628, "{1,-1,0}", "3ff0000000000000bff00000000000000000000000000000"),  # line
    (718, "<(1,2),3>", "3ff000000000000040000000000000004008000000000000"),  # circle
    (3614, "'a':1A,2B,3C,4 'it''s' 'x\\\\y'", "0000000361000004c00180024003000469742773000000785c79000000"),  # tsvector
    (3614, "", "00000000"),  # tsvector
    (3615, "( 'a' | 'b':*A ) & !'c'", "00000006020202010100006300020301080162000100006100"),  # tsquery
    (
        3615,
        "'a' <-> ( 'b' <2> 'c' ) | !( 'd' & 'e' )",
        "0000000a020302010202010000650001000064000204000102040002010000630001000062000100006100",
    ),  # tsquery
    (3615, "", "00000000"),  # tsquery
    (4072, '$."a"', "01242e226122"),  # jsonpath
    (1007, "{1,NULL,-2}", "00000001000000010000001700000003000000010000000400000001ffffffff00000004fffffffe"),  # int4[]
    (1007, "{}", "000000000000000000000017"),  # int4[]
    (
        1007,
        "[0:1][-1:0]={{1,2},{3,4}}",
        "000000020000000000000017000000020000000000000002ffffffff0000000400000001000000040000000200000004000000030000000400000004",
    ),  # int4[]
    (
        1009,
        '{a,"b c","",NULL,"null","x\\"y\\\\z","{","a,b"}',
        "000000010000000100000019000000080000000100000001610000000362206300000000ffffffff000000046e756c6c000000057822795c7a000000017b00000003612c62",
    ),  # text[]
    (
        1020,
        "{(1,1),(0,0);NULL}",
        "00000001000000010000025b0000000200000001000000203ff00000000000003ff000000000000000000000000000000000000000000000ffffffff",
    ),  # box[]
    (1001, '{"\\\\x00ff"}', "00000001000000000000001100000001000000010000000200ff"),  # bytea[]
    (
        1182,
        '{infinity,"0044-03-15 BC"}',
        "00000001000000000000043a0000000200000001000000047fffffff00000004fff49d7b",
    ),  # date[]
    (
        1022,
        "{NaN,-Infinity}",
        "0000000100000000000002bd0000000200000001000000087ff800000000000000000008fff0000000000000",
    ),  # float8[]
    (3904, "[1,10)", "020000000400000001000000040000000a"),  # int4range
    (3904, "empty", "01"),  # int4range
    (3904, "(,5)", "080000000400000005"),  # int4range
    (3910, '["0044-03-15 10:00:00+00 BC",infinity)', "0200000008ff1af9e74e1f8800000000087fffffffffffffff"),  # tstzrange
    (
        4451,
        "{[1,3),[5,7)}",
        "00000002000000110200000004000000010000000400000003000000110200000004000000050000000400000007",
    ),  # int4multirange
    (4451, "{}", "00000000"),  # int4multirange
    (PAIR, "(1,x)", "00000002000000170000000400000001000000190000000178"),
    (PAIR, "(,)", "0000000200000017ffffffff00000019ffffffff"),
    (PAIR, '(7,"")', "000000020000001700000004000000070000001900000000"),
    (PAIR, '(1,"a ""b"", (c\\\\)")', "00000002000000170000000400000001000000190000000b61202262222c2028635c29"),
    (
        PAIRS,
        '{"(1,\\"x y\\")",NULL}',
        "00000001000000010001117000000002000000010000001b000000020000001700000004000000010000001900000003782079ffffffff",
    ),
    (WORDS, '["a,b","c""[")', "0200000003612c620000000363225b"),
    (WORDS, '["",z]', "0600000000000000017a"),
    (VECTOR, "[1,-0.5,1e-10]", "000300003f800000bf0000002edbe6ff"),
    (HALFVEC, "[1,65504]", "000200003c007bff"),
    (SPARSEVEC, "{1:1.5,3:-2}/5", "00000005000000020000000000000000000000023fc00000c0000000"),
    (HSTORE, '"a"=>"1", "b\\"\\\\"=>NULL', "00000002000000016100000001310000000362225cffffffff"),
    (HSTORE, "", "00000000"),
    (LTREE, "a.b", "01612e62"),
]
IDS = [f"{oid}-{text[:30]}" for oid, text, _ in CASES]


@cache
def encoder(implementation: str, oid: int) -> Encoder:
    """Of a table with a key, and one more column of that type."""
    plan = plan_of([("id", 20), ("value", oid)], ["id"])
    columns = (plan.columns[0], ColumnPlan("value", TYPES.kind_of(oid)))
    return make_encoder(dataclasses.replace(plan, columns=columns), implementation)


def in_avro(text: str) -> bytes:
    return b"\x02" + string_bytes(text)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("oid", "text", "wire"), CASES, ids=IDS)
def test_value_in_binary_is_carried_as_its_text_is(implementation: str, oid: int, text: str, wire: str) -> None:
    made = encoder(implementation, oid).column(1, bytes.fromhex(wire), binary=True)
    assert made == encoder(implementation, oid).column(1, text.encode(), binary=False) == in_avro(text)


@pytest.mark.parametrize(("oid", "text", "wire"), CASES, ids=IDS)
def test_value_in_a_key_has_the_same_text(oid: int, text: str, wire: str) -> None:
    assert binary_key_text(TYPES.kind_of(oid), bytes.fromhex(wire)) == text.encode()


# Any bytes are a value of these, or the end of one says nothing.
_ANY_LENGTH = {4072, LTREE}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("oid", "text", "wire"), CASES, ids=IDS)
def test_value_that_is_cut_or_goes_on_does_not_fit(implementation: str, oid: int, text: str, wire: str) -> None:
    data = bytes.fromhex(wire)
    cut = [data[:size] for size in range(len(data))] if oid not in _ANY_LENGTH else [b""]
    for bad in (*cut, *([] if oid in _ANY_LENGTH else [data + b"\0"])):
        with pytest.raises(Unfit, match=r"^expected "):
            encoder(implementation, oid).column(1, bad, binary=True)


BAD = [
    (1007, "00000001 00000000 00000014 00000001 00000001 00000004 00000001", "elements of another type"),
    (1007, "00000007 00000000 00000017", "seven dimensions"),
    (1007, "00000001 00000000 00000017 ffffffff 00000001", "a size below zero"),
    (1007, "00000002 00000000 00000017 7fffffff 00000001 7fffffff 00000001", "more elements than there are"),
    (1007, "00000001 00000000 00000017 00000001 00000001 00000003 000001", "an element that is none"),
    (22, "00000001 00000000 00000015 00000001 00000000 ffffffff", "NULL among numbers"),
    (PAIR, "00000001 000f4240 00000001 00", "a field of an unknown type"),
    (PAIR, "ffffffff", "fewer fields than none"),
    (3904, "02 ffffffff 00000004 00000001", "NULL as a bound"),
    (4451, "00000001 ffffffff", "NULL as a range"),
    (869, "04 20 00 04 c0a80101", "an address of another family"),
    (869, "02 21 00 04 c0a80101", "more bits than there are"),
    (1560, "ffffffff", "fewer bits than none"),
    (1266, "000000141dd76001 00000000", "a time that does not exist"),
    (3615, "00000001 0202", "an operator without operands"),
    (3615, "00000002 01000061 00 01000061 00", "two queries"),
    (3615, "00000001 0207", "an unknown operator"),
    (4072, "0224", "another version"),
    (HSTORE, "00000001 ffffffff 00000000", "NULL as a key"),
    (5038, "ffffffff 0000000000000001 0000000000000001", "fewer transactions than none"),
    (SPARSEVEC, "00000005 ffffffff 00000000", "fewer numbers than none"),
]


@pytest.mark.rule("P8")
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("oid", "wire"), [bad[:2] for bad in BAD], ids=[bad[2] for bad in BAD])
def test_what_is_no_value_does_not_fit(implementation: str, oid: int, wire: str) -> None:
    with pytest.raises(Unfit, match=r"^expected "):
        encoder(implementation, oid).column(1, bytes.fromhex(wire), binary=True)


def nested(depth: int) -> bytes:
    """A composite within arrays within composites; no type is so deep."""
    data = b"\0\0\0\0"
    for _ in range(depth):
        array = bytes.fromhex("00000001 00000000 00011170 00000001 00000001") + len(data).to_bytes(4, "big") + data
        data = bytes.fromhex("00000001 00011171") + len(array).to_bytes(4, "big") + array
    return data


@pytest.mark.rule("P8")
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_values_within_values_without_end_do_not_fit(implementation: str) -> None:
    """Red without the guard in `known_types`: RecursionError."""
    assert encoder(implementation, PAIR).column(1, nested(1), binary=True) == in_avro('("{()}")')
    with pytest.raises(Unfit, match="deeper ones"):
        encoder(implementation, PAIR).column(1, nested(2_000), binary=True)


def test_query_may_be_as_deep_as_it_is_large() -> None:
    """Red with a printer that calls itself."""
    nots, wire = 20_000, "0201"
    data = bytes.fromhex(f"{nots + 1:08x}{wire * nots}010000") + b"a\0"
    assert binary_key_text(TYPES.kind_of(3615), data) == b"!" * nots + b"'a'"


@pytest.mark.rule("P8")
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_p8_text_within_a_value_that_is_not_utf8_is_left_out_like_any_other(implementation: str) -> None:
    """Red where a printer decodes: its key could not tell rows apart either."""
    data = bytes.fromhex("00000001 00000000 00000019 00000001 00000001 00000002 61ff")
    with pytest.raises(Uncarriable, match="not valid UTF-8"):
        encoder(implementation, 1009).column(1, data, binary=True)
    assert binary_key_text(TYPES.kind_of(1009), data) == b"{a\xff}"


def outcome(implementation: str, oid: int, data: bytes) -> bytes | type[Exception]:
    try:
        return encoder(implementation, oid).column(1, data, binary=True)
    except (Unfit, Uncarriable) as exc:
        return type(exc)


def changed(case: tuple[int, str, str], at: int, byte: int, size: int) -> tuple[int, bytes]:
    """A value with one byte changed, or cut."""
    data = bytearray.fromhex(case[2])
    if data:
        data[at % len(data)] = byte
    return case[0], bytes(data[: size if size < len(data) else len(data)])


ALMOST = st.builds(changed, st.sampled_from(CASES), st.integers(0, 99), st.integers(0, 255), st.integers(0, 200))
ANY = st.tuples(st.sampled_from(sorted({oid for oid, *_ in CASES})), st.binary(max_size=60))


@given(st.one_of(ALMOST, ANY))
@example((1560, b"\x7f\xff\xff\xff"))
def test_both_encoders_treat_any_bytes_alike(value: tuple[int, bytes]) -> None:
    """Whatever comes is a text, or fits not; nothing else is ever raised."""
    assert len({outcome(implementation, *value) for implementation in IMPLEMENTATIONS}) == 1


def array(oid: int, element: int, items: list[bytes | None], bound: int) -> tuple[int, bytes]:
    """An array of one dimension, as it is sent."""
    head = (1, int(None in items), element, len(items), bound)
    sent = (b"\xff\xff\xff\xff" if item is None else len(item).to_bytes(4, "big") + item for item in items)
    return oid, b"".join(number.to_bytes(4, "big") for number in head) + b"".join(sent)


def arrays(oid: int, element: int, items: st.SearchStrategy[bytes]) -> st.SearchStrategy[tuple[int, bytes]]:
    return st.builds(
        array,
        st.just(oid),
        st.just(element),
        st.lists(st.one_of(items, st.none()), max_size=5),
        st.sampled_from([1, 1, 0]),
    )


def numbers(size: int) -> st.SearchStrategy[bytes]:
    """Numbers of that many bytes, and at times of one byte less."""
    return st.one_of(st.binary(min_size=size, max_size=size), st.binary(min_size=size - 1, max_size=size))


TEXTS = st.one_of(
    st.text(st.sampled_from('"\\{},;nNuUlL \t\n\v\f\r\x08\x0e\x1fé😀'), max_size=5).map(str.encode),
    st.sampled_from([b"NULL", b"null", b"NuLl", b"NULLS", b"\xff", b""]),
)
ARRAYS = st.one_of(
    arrays(INT2S, 21, numbers(2)),
    arrays(1007, 23, numbers(4)),
    arrays(INT8S, 20, numbers(8)),
    arrays(1009, 25, TEXTS),
    arrays(UUIDS, 2950, numbers(16)),
)


@given(ARRAYS)
def test_both_encoders_print_any_array_alike(value: tuple[int, bytes]) -> None:
    """The compiled one prints most arrays without Python."""
    assert len({outcome(implementation, *value) for implementation in IMPLEMENTATIONS}) == 1


def test_kinds_without_a_printer_are_untouched() -> None:
    kinds: list[Kind] = [TYPES.kind_of(oid) for oid in (16, 20, 25, 114, 1700, 2950)]
    assert [kind.printer for kind in kinds] == [None] * len(kinds)
