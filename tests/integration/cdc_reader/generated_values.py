"""Values of types that are carried as text, by hypothesis: literals that a server takes, whatever it makes of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from hypothesis import strategies as st

Texts = st.SearchStrategy[str]

# What each of the quoting rules is about, what is almost so, and other alphabets.
_CHARACTERS = "\"\\'{}()[],;:=<>!|&*%_ \t\n\v\f\r\x01\x1f\x7f\u0085\u00a0éà😀NULnulAabc019-"
texts: Texts = st.one_of(
    st.sampled_from(["", "NULL", "null", "Null", "NULLs", " ", "empty", "infinity"]),
    st.text(st.sampled_from(_CHARACTERS), max_size=8),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)


def _numbers(bits: int, *, signed: bool = True) -> Texts:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.one_of(st.integers(low, high), st.sampled_from([low, high, 0, 1])).map(str)


_double = st.floats().map(lambda value: repr(value).replace("inf", "Infinity").replace("nan", "NaN"))
_single = st.floats(width=32).map(lambda value: repr(value).replace("inf", "Infinity").replace("nan", "NaN"))
_year = st.one_of(st.integers(1, 9999), st.integers(10_000, 294_275))


def _day(year: int, month: int, day: int, era: str) -> str:
    return f"{min(year, 4712) if era else year:04}-{month:02}-{day:02}{{}}{era}"


_days = st.builds(_day, _year, st.integers(1, 12), st.integers(1, 28), st.sampled_from(["", "", "", " BC"]))
_ends = st.sampled_from(["infinity", "-infinity"])
_clock = st.one_of(
    st.builds(
        lambda hour, minute, second, micros: f"{hour:02}:{minute:02}:{second:02}.{micros:06}",
        *(st.integers(0, most) for most in (23, 59, 59, 999_999)),
    ),
    st.sampled_from(["24:00:00", "00:00:00", "23:59:59.999999", "12:00:00.1"]),
)
_zone = st.builds(
    lambda sign, hour, minute, second: f"{sign}{hour:02}:{minute:02}:{second:02}",
    st.sampled_from("+-"),
    st.integers(0, 15),
    st.sampled_from([0, 0, 30, 59]),
    st.sampled_from([0, 0, 7]),
)
_moments = st.builds(lambda day, clock: day.format(f" {clock}"), _days, _clock)


def _interval(months: int, days: int, micros: int) -> str:
    seconds, fraction = divmod(abs(micros), 1_000_000)
    minutes, second = divmod(seconds, 60)
    clock = f"{minutes // 60}:{minutes % 60:02}:{second:02}.{fraction:06}"
    return f"{months} mons {days} days {'-' if micros < 0 else ''}{clock}"


_many = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-30, 30), st.just(0))
_intervals = st.builds(
    _interval, _many, _many, st.one_of(st.integers(-(2**62), 2**62), st.integers(-(10**11), 10**11), st.just(0))
)


def _address(number: int, bits: int, size: int) -> str:
    kind = ipaddress.IPv4Address if bits == 32 else ipaddress.IPv6Address
    return f"{kind(number)}/{min(size, bits)}"


_words = st.lists(st.one_of(st.just(0), st.just(0), st.just(0xFFFF), st.integers(0, 0xFFFF)), min_size=8, max_size=8)
_v6 = _words.map(lambda words: sum(word << 16 * at for at, word in enumerate(words)))
_hosts = st.one_of(
    st.builds(_address, st.integers(0, 2**32 - 1), st.just(32), st.integers(0, 32)),
    st.builds(_address, _v6, st.just(128), st.one_of(st.integers(0, 128), st.just(128))),
)
_networks = _hosts.map(lambda text: str(ipaddress.ip_network(text, strict=False)))


def _hex(size: int) -> Texts:
    return st.binary(min_size=size, max_size=size).map(lambda raw: raw.hex(":"))


_point = st.builds("({},{})".format, _double, _double)
_points = st.lists(_point, min_size=1, max_size=4).map(",".join)
_finite = st.floats(-1e6, 1e6).map(repr)
_lexeme = st.text(st.sampled_from("'\\ab é😀:*!"), min_size=1, max_size=5)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


_places = st.lists(
    st.builds("{}{}".format, st.integers(1, 16383), st.sampled_from(["", "A", "B", "C", "D"])), max_size=3
)
_vectors = st.lists(
    st.builds(lambda text, at: _quoted(text) + (":" + ",".join(at) if at else ""), _lexeme, _places), max_size=4
).map(" ".join)
_leaf = st.builds(
    lambda text, weight: _quoted(text) + (f":{weight}" if weight else ""),
    _lexeme,
    st.sampled_from(["", "", "*", "A", "*B", "ABCD", "*CD"]),
)
_queries = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        inner.map("!({})".format),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["&", "|", "<->", "<7>", "<0>"]), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["&", "|", "<->", "<2>"]), inner),
    ),
    max_leaves=8,
)


def _snapshot(low: int, gaps: list[int]) -> str:
    running = [low + sum(gaps[: at + 1]) for at in range(len(gaps))]
    return f"{low}:{(running[-1] if running else low) + 1}:{','.join(map(str, running))}"


def _numbers_of(number: Texts) -> Texts:
    return st.lists(number, min_size=1, max_size=5).map(lambda each: f"[{','.join(each)}]")


def _sparse(values: Mapping[int, str]) -> str:
    return "{" + ",".join(f"{place}:{value}" for place, value in values.items()) + "}/50"


SCALARS: dict[str, Texts] = {
    "bool": st.sampled_from(["t", "f"]),
    "int2": _numbers(16),
    "int4": _numbers(32),
    "int8": _numbers(64),
    "oid": _numbers(32, signed=False),
    "float4": _single,
    "float8": _double,
    "numeric": st.one_of(
        st.decimals(allow_infinity=False, allow_nan=False).map(str),
        st.sampled_from(["NaN", "Infinity", "-Infinity", "0.00"]),
    ),
    "text": texts,
    "varchar(9)": texts.map(lambda text: text[:9]),
    "char(5)": texts.map(lambda text: text[:5]),
    "bytea": st.binary(max_size=8).map(lambda raw: "\\x" + raw.hex()),
    "uuid": st.uuids().map(str),
    "json": st.sampled_from(['{"a":  [1, "x\\"y"]}', "null", '" "', "[]"]),
    "jsonb": st.sampled_from(['{"a": [1, "x\\"y"]}', "null", '"{}"', "[]"]),
    "date": st.one_of(_days.map(lambda day: day.format("")), _ends),
    "time": _clock,
    "timestamp": st.one_of(_moments, _ends),
    "timestamptz": st.one_of(_moments, _ends),
    '"char"': st.one_of(
        st.sampled_from(["", "a", '"', "\\", " ", ",", "{", "\x01", "\x7f"]),
        st.integers(128, 255).map(lambda byte: f"\\{byte:03o}"),
    ),
    "name": texts,
    "int2vector": st.lists(_numbers(16), max_size=4).map(" ".join),
    "oidvector": st.lists(_numbers(32, signed=False), max_size=4).map(" ".join),
    "tid": st.builds("({},{})".format, st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)),
    "xid": _numbers(32, signed=False),
    "cid": _numbers(32, signed=False),
    "xid8": _numbers(64, signed=False),
    "pg_lsn": st.builds("{:X}/{:X}".format, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    "pg_snapshot": st.builds(_snapshot, st.integers(1, 2**32 - 99), st.lists(st.integers(1, 9), max_size=3)),
    "txid_snapshot": st.builds(_snapshot, st.integers(1, 2**32 - 99), st.lists(st.integers(1, 9), max_size=3)),
    "bit(11)": st.integers(0, 2**11 - 1).map("{:011b}".format),
    "varbit": st.text(st.sampled_from("01"), max_size=20),
    "inet": _hosts,
    "cidr": _networks,
    "macaddr": _hex(6),
    "macaddr8": _hex(8),
    "timetz": st.builds("{}{}".format, _clock, _zone),
    "interval": _intervals,
    "point": _point,
    "lseg": st.builds("[{},{}]".format, _point, _point),
    "box": st.builds("({},{})".format, _point, _point),
    "path": st.builds(str.format, st.sampled_from(["({})", "[{}]"]), _points),
    "polygon": _points.map("({})".format),
    "line": st.builds("{{{},1,{}}}".format, _finite, _finite),
    "circle": st.builds("<{},{}>".format, _point, st.floats(0, allow_nan=False).map(repr)),
    "tsvector": _vectors,
    "tsquery": st.one_of(_queries, st.just("")),
    "jsonpath": st.sampled_from(["$", '$."a b"[*] ? (@ > 1)', "strict $.x", '$.a ? (@ like_regex "^\\"x")']),
    "refcursor": texts,
    "mood": st.sampled_from(["happy", "so so", 'a "b"', "NULL", "(", "naïve"]),
    "agreed": st.sampled_from(["t", "f"]),
    "vector": _numbers_of(st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr)),
    "halfvec": _numbers_of(st.floats(width=16, allow_nan=False, allow_infinity=False).map(repr)),
    "sparsevec": st.dictionaries(
        st.integers(1, 50), st.floats(0.5, 1e6, width=32).map(repr), min_size=1, max_size=4
    ).map(_sparse),
}
XML = {
    "xml": st.sampled_from(["<a/>", '<?xml version="1.0" encoding="LATIN1"?>\n<a>é</a>', "x & y".replace("&", "&amp;")])
}

# Types that are made of others; `texts`, `quoted` and `moods` are domains over arrays and texts.
PREPARED = """
CREATE TYPE mood AS ENUM ('happy', 'so so', 'a "b"', 'NULL', '(', 'naïve');
CREATE DOMAIN agreed AS boolean;
CREATE DOMAIN word AS text;
CREATE DOMAIN words AS word[];
CREATE DOMAIN corners AS box;
CREATE TYPE pair AS (a int4, b text);
CREATE TYPE nested AS (first pair, many pair[], said words, at timestamptz, empty mood, raw bytea);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE TYPE momentrange AS RANGE (subtype = timestamptz);
"""


def _item(text: str | None) -> str:
    """A literal within another one: the quotes are always taken."""
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _array(items: list[str | None], begin: int, delimiter: str) -> str:
    shown = delimiter.join(map(_item, items))
    return f"[{begin}:{begin + len(items) - 1}]={{{shown}}}" if items and begin != 1 else f"{{{shown}}}"


def arrays(element: Texts, delimiter: str = ",") -> Texts:
    items = st.one_of(element, element, st.none())
    flat = st.builds(_array, st.lists(items, max_size=4), st.sampled_from([1, 1, 0, -3, 7]), st.just(delimiter))
    deep = st.lists(st.lists(items, min_size=2, max_size=2), min_size=1, max_size=3).map(
        lambda rows: "{" + delimiter.join(_array(row, 1, delimiter) for row in rows) + "}"
    )
    return st.one_of(flat, deep)


def row(*fields: Texts) -> Texts:
    return st.tuples(*(st.one_of(field, field, st.none()) for field in fields)).map(_row)


def _row(fields: Iterable[str | None]) -> str:
    return "(" + ",".join("" if field is None else _item(field) for field in fields) + ")"


def ranges(bounds: st.SearchStrategy[tuple[str, str]]) -> Texts:
    return st.one_of(
        st.just("empty"),
        st.builds(
            lambda begin, ends, end, infinite: (
                f"{begin}{'' if infinite & 1 else _item(ends[0])},{'' if infinite & 2 else _item(ends[1])}{end}"
            ),
            st.sampled_from("[("),
            bounds,
            st.sampled_from("])"),
            st.sampled_from([0, 0, 0, 1, 2, 3]),
        ),
    )


def multiranges(of: Texts) -> Texts:
    return st.lists(of, max_size=3).map(lambda each: "{" + ",".join(each) + "}")


def _ordered(values: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(values, values).map(lambda pair: (str(min(pair)), str(max(pair))))


_pairs = row(SCALARS["int4"], texts)
_words_of_text = st.tuples(texts, texts).map(lambda pair: (min(pair, key=str.encode), max(pair, key=str.encode)))
_stamps = st.sampled_from(
    [
        ("0044-03-15 10:00:00+00 BC", "294276-12-31 23:59:59.999999+00"),
        ("-infinity", "infinity"),
        ("2024-01-01 00:00:00.5+00", "2024-01-01 00:00:01+00"),
    ]
)
_int4_ranges = ranges(_ordered(st.integers(-(2**31), 2**31 - 2)))
MADE: dict[str, Texts] = {
    **{f"{name}[]": arrays(values, ";" if name == "box" else ",") for name, values in SCALARS.items()},
    "words": arrays(texts),
    "words[]": arrays(arrays(texts)),
    "corners[]": arrays(SCALARS["box"], ";"),
    "pair": _pairs,
    "pair[]": arrays(_pairs),
    "nested": row(_pairs, arrays(_pairs), arrays(texts), SCALARS["timestamptz"], SCALARS["mood"], SCALARS["bytea"]),
    "int4range": _int4_ranges,
    "int8range": ranges(_ordered(st.integers(-(2**63), 2**63 - 2))),
    "numrange": ranges(st.tuples(st.integers(-99, 0).map(str), st.sampled_from(["0.00", "1e30", "Infinity"]))),
    "daterange": ranges(st.sampled_from([("4713-01-01 BC", "0044-03-15 BC"), ("2024-01-01", "5874897-12-30")])),
    "tsrange": ranges(st.sampled_from([("0044-03-15 10:00:00 BC", "infinity"), ("-infinity", "2024-01-01")])),
    "tstzrange": ranges(_stamps),
    "momentrange": ranges(_stamps),
    "textrange": ranges(_words_of_text),
    "textrange[]": arrays(ranges(_words_of_text)),
    "int4multirange": multiranges(_int4_ranges),
    "tstzmultirange": multiranges(ranges(_stamps)),
    "textmultirange": multiranges(ranges(_words_of_text)),
    "int4multirange[]": arrays(multiranges(_int4_ranges)),
}
