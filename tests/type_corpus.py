"""
The types that columns may be of, with values: what the tests prove of each, and what `docs/reference/types.md` says.

A value's text is what the server prints, what the event shows and what the document holds. An integration test
(`test_type_corpus.py`) takes every line through stream and snapshot; `python -m tests.type_corpus` writes the page
(`make types`), and a unit test compares it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.avro_types import AVRO_TYPES, TEXT_KIND
from tests.unit.sources import ROOT

PAGE = ROOT / "docs" / "reference" / "types.md"
_BEGIN, _END = "<!-- types -->\n", "<!-- end -->"
YES = "yes"
NO_ORDER = "no: nothing orders it"
UNSTABLE = "no: its text depends on the session"
XML = "xml"  # not of an extension, but of a server that was built with libxml
PREPARED = """
CREATE TYPE mood AS ENUM ('happy', 'so "so"', 'NULL');
CREATE DOMAIN agreed AS boolean;
CREATE DOMAIN word AS text CHECK (VALUE <> 'x');
CREATE DOMAIN shout AS word;
CREATE DOMAIN words AS shout[];
CREATE DOMAIN price AS money;
CREATE TYPE pair AS (a int, b text);
CREATE TYPE trip AS (via pair[], label mood, said words, at timestamptz);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
"""


class Typed(NamedTuple):
    """A type, texts of values, the kind in Avro, and whether binary will do; `lost` is what documents do not have."""

    type: str
    texts: tuple[str, ...]
    kind: str = TEXT_KIND
    binary: bool = True
    key: str = YES
    lost: str = ""
    extension: str = ""


_BRANCH = "nothing; what Avro's type cannot hold comes in the branch `string`"
_CATALOG = "nothing; names as the catalog has them when the row is read"
_ZEROS = "nothing; NaN and infinities too"
CORPUS: Mapping[str, Sequence[Typed]] = {
    "Numbers": (
        Typed("bool", ("t", "f"), "bool"),
        Typed("int2", ("-32768", "32767"), "int2"),
        Typed("int4", ("-2147483648", "2147483647"), "int4"),
        Typed("int8", ("-9223372036854775808", "9223372036854775807"), "int8"),
        Typed("float4", ("1e+06", "-0", "NaN", "Infinity", "3.4028235e+38"), "float4", lost=_ZEROS),
        Typed("float8", ("0.1", "1e+15", "NaN", "-Infinity", "5e-324"), "float8", lost=_ZEROS),
        Typed("numeric", ("0.00", "-12345678901234567890.5", "NaN", "Infinity", "-Infinity"), "numeric", lost=_ZEROS),
        Typed("numeric(12,2)", ("12345.60", "-0.01"), "numeric"),
        Typed("money", ("$1.00", "-$92,233,720,368,547,758.08"), binary=False, key=UNSTABLE),
    ),
    "Texts and bytes": (
        Typed("text", ("", "naïve 😀", "\x01\t\n\x7f"), "text"),
        Typed("varchar(9)", ("naïve",), "text"),
        Typed("char(5)", ("ab   ",), "text", lost="nothing; padded, as the server prints it"),
        Typed("name", ('a "b"',), "text"),
        Typed('"char"', ("A", "", "\\377"), lost="nothing; before 16 bytes that are not ASCII, and the stream is text"),
        Typed("bytea", ("\\x", "\\x00ff"), "bytea"),
        Typed("citext", ("aB",), extension="citext"),
        Typed("xml", ('<a b="1">é</a>',), key=NO_ORDER, extension=XML, lost="the encoding in its declaration"),
        Typed("uuid", ("00112233-4455-6677-8899-aabbccddeeff",), "uuid"),
        Typed("bit(3)", ("101",)),
        Typed("varbit", ("", "111111110")),
    ),
    "JSON": (
        Typed("json", ('{"a":  1, "a": null}',), "json", key=NO_ORDER),
        Typed("jsonb", ('{"a": [1, "\\"x"]}', "null"), "jsonb"),
        Typed("jsonpath", ('$."a"[*]?(@ > 1)',), key=NO_ORDER),
    ),
    "Dates and times": (
        Typed("date", ("2024-02-29", "0044-03-15 BC", "5874897-12-31", "infinity"), "date", lost=_BRANCH),
        Typed("time", ("12:34:56.789", "24:00:00"), "time", lost=_BRANCH),
        Typed("time(0)", ("12:34:56",), "time"),
        Typed("timetz", ("12:00:00+02", "24:00:00-03:30:15")),
        Typed(
            "timestamp",
            ("1582-10-04 00:00:00", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "-infinity"),
            "timestamp",
            lost=_BRANCH,
        ),
        Typed("timestamp(3)", ("1969-12-31 23:59:59.999",), "timestamp"),
        Typed(
            "timestamptz",
            ("2024-01-01 00:00:00.5+00", "0044-03-15 00:00:00+00 BC", "infinity"),
            "timestamptz",
            lost=_BRANCH + "; all are told in UTC",
        ),
        Typed("interval", ("00:00:00", "1 year 2 mons -3 days +04:05:06.7", "-1 years +2 days -00:00:00.000001")),
    ),
    "Arrays": (
        Typed("int4[]", ("{}", "{1,NULL,-2}", "[0:1][-1:0]={{1,2},{3,4}}")),
        Typed("text[]", ('{a,"b c","",NULL,"NULL","x\\"y\\\\z","{","a,b"}',)),
        Typed("float8[]", ("{NaN,Infinity,-Infinity,1e-05}",)),
        Typed("numeric[]", ("{1.50,NaN}",)),
        Typed("bool[]", ("{t,f,NULL}",)),
        Typed("bytea[]", ('{"\\\\x00ff"}',)),
        Typed("timestamptz[]", ('{"0044-03-15 10:00:00+00 BC",infinity}',)),
        Typed("uuid[]", ("{00112233-4455-6677-8899-aabbccddeeff}",)),
        Typed("jsonb[]", ('{"{\\"a\\": 1}"}',)),
        Typed("inet[]", ("{10.0.0.0/8,::1}",)),
        Typed("interval[]", ('{"1 day",00:00:01}',)),
        Typed("box[]", ("{(1,1),(0,0);NULL}",), key=NO_ORDER),
        Typed("mood[]", ('{happy,"so \\"so\\"",NULL,"NULL"}',)),
        Typed("pair[]", ('{"(1,\\"x y\\")",NULL}',)),
        Typed("int2vector", ("1 -2",)),
        Typed("oidvector", ("4294967295 7",)),
        Typed("money[]", ("{$1.00}",), binary=False, lost="nothing; as `money`"),
    ),
    "Enums, domains, composites": (
        Typed("mood", ("happy", 'so "so"'), lost="nothing; a label that is renamed has the table read again"),
        Typed("agreed", ("t",), "bool", lost="nothing; the checks of domains are not carried"),
        Typed("shout", ("",), "text"),
        Typed("words", ('{a,""}',)),
        Typed("price", ("$1.00",), binary=False, key=UNSTABLE),
        Typed("pair", ("(1,x)", "(,)", '(7,"")', '(1,"a ""b"", (c\\\\)")')),
        Typed("trip", ('("{""(1,\\\\""x y\\\\"")"",NULL}","so ""so""",{a},"2024-01-01 00:00:00+00")',)),
    ),
    "Ranges": (
        Typed("int4range", ("[1,10)", "empty", "(,5)", "(,)")),
        Typed("int8range", ("[-9223372036854775808,1)",)),
        Typed("numrange", ("(1.50,2]", "[NaN,)")),
        Typed("daterange", ('["4713-01-01 BC","0044-03-15 BC")', "[2024-01-01,infinity)")),
        Typed("tsrange", ('("2024-01-01 00:00:00",infinity]',)),
        Typed("tstzrange", ('["0044-03-15 10:00:00+00 BC","294276-12-31 23:59:59.999999+00")',)),
        Typed("textrange", ('["a,b","c""[")', '["",z]')),
        Typed("int4multirange", ("{}", "{[1,3),[5,7)}")),
        Typed("datemultirange", ("{[2024-01-01,2024-02-01)}",)),
        Typed("int4range[]", ('{"[1,3)",empty}',)),
    ),
    "Networks": (
        Typed("inet", ("192.168.1.1", "10.1.2.3/8", "::ffff:1.2.3.4", "1:0:0:2::/64")),
        Typed("cidr", ("10.0.0.0/8", "2001:db8::1/128")),
        Typed("macaddr", ("08:00:2b:01:02:03",)),
        Typed("macaddr8", ("08:00:2b:01:02:03:04:05",)),
    ),
    "Geometry": (
        Typed("point", ("(1,-0.5)", "(NaN,Infinity)"), key=NO_ORDER),
        Typed("line", ("{1,-1,0}",), key=NO_ORDER),
        Typed("lseg", ("[(0,0),(1,1)]",), key=NO_ORDER),
        Typed("box", ("(1,1),(0,0)",), key=NO_ORDER),
        Typed("path", ("((0,0),(1,1))", "[(0,0)]"), key=NO_ORDER),
        Typed("polygon", ("((0,0),(1,1),(2,0))",), key=NO_ORDER),
        Typed("circle", ("<(1,2),3>",), key=NO_ORDER),
    ),
    "Text search": (
        Typed("tsvector", ("", "'a':1A,2B,3C,4 'it''s' 'x\\\\y'")),
        Typed("tsquery", ("", "( 'a' | 'b':*A ) & !'c'", "'a' <-> ( 'b' <2> 'c' )")),
    ),
    "The server's own": (
        Typed("oid", ("0", "4294967295"), "oid"),
        Typed("xid", ("4294967295",), key=NO_ORDER),
        Typed("xid8", ("18446744073709551615",)),
        Typed("cid", ("7",), key=NO_ORDER),
        Typed("tid", ("(4294967295,65535)",)),
        Typed("pg_lsn", ("16/B374D848",), lost="nothing; from PostgreSQL 19 on the stream is text"),
        Typed("pg_snapshot", ("10:20:11,15",), key=NO_ORDER),
        Typed("txid_snapshot", ("10:11:",), key=NO_ORDER),
        Typed("refcursor", ("c",), key=NO_ORDER),
        Typed("regclass", ("pg_class",), binary=False, key=UNSTABLE, lost=_CATALOG),
        Typed("regtype", ("integer",), binary=False, key=UNSTABLE, lost=_CATALOG),
        Typed("regproc", ("now",), binary=False, key=UNSTABLE, lost=_CATALOG),
        Typed("regrole", ("postgres",), binary=False, key=UNSTABLE, lost=_CATALOG),
        Typed("aclitem", ("postgres=r/postgres",), key=NO_ORDER, lost=_CATALOG),
    ),
    "Extensions": (
        Typed("hstore", ('"a"=>"1", "b\\"\\\\"=>NULL',), extension="hstore", lost="nothing; text where not UTF8"),
        Typed("ltree", ("a.b",), extension="ltree"),
        Typed("vector", ("[1,-0.5,1e-10]",), extension="vector"),
        Typed("halfvec", ("[1,65504]",), extension="vector"),
        Typed("sparsevec", ("{1:1.5,3:-2}/5",), extension="vector"),
        Typed("cube", ("(1, 2)",), binary=False, extension="cube", lost="nothing; so are all that are not named here"),
        Typed("isbn", ("0-393-04002-X",), extension="isn", lost="nothing; it has no binary form"),
    ),
}


def lines() -> Iterator[Typed]:
    """All types."""
    for types in CORPUS.values():
        yield from types


def filled(page: str) -> str:
    """The page with the table of all types."""
    before, _, rest = page.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return before + _BEGIN + "\n".join(_tables()) + "\n" + _END + after


def current() -> str:
    """The page as it must be."""
    return filled(PAGE.read_text("utf-8"))


def _tables() -> Iterator[str]:
    for title, types in CORPUS.items():
        yield f"\n## {title}\n"
        yield "| PostgreSQL | Avro | in documents | in a key | stream | lost |"
        yield "| --- | --- | --- | --- | --- | --- |"
        yield from map(_line, types)


def _line(typed: Typed) -> str:
    avro = ", ".join(map(_shown, _avro(typed.kind)))
    texts = ", ".join("(empty)" if not text else _shown(text) for text in typed.texts)
    stream = "binary" if typed.binary else "text"
    return f"| {_shown(typed.type)} | {avro} | {texts} | {typed.key} | {stream} | {typed.lost or 'nothing'} |"


def _avro(kind: str) -> list[str]:
    return [each if isinstance(each, str) else f"{each['type']} ({each['logicalType']})" for each in AVRO_TYPES[kind]]


def _shown(text: str) -> str:
    """As code in a table: control characters by their escapes."""
    plain = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return f"`{plain.replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    PAGE.write_text(current(), "utf-8")
