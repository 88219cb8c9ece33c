"""Lines that wal2json 2.5 on PostgreSQL 15 wrote, and the messages of pgoutput that mean the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cdc_reader.pgoutput import (
    Begin,
    Commit,
    Delete,
    Insert,
    LogicalMessage,
    Message,
    Null,
    Relation,
    RelationColumn,
    Text,
    Truncate,
    Unchanged,
    Update,
    decode,
)
from cdc_reader.postgres.characters import ByteCharacters, Characters
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.wal2json.tables import KnownTable, KnownTables
from cdc_reader.wal2json.translator import Translator
from cdc_reader.wal2json.wire import ShapeColumn
from schemas.errors import ProtocolError
from schemas.names import TableName

N, U = Null(), Unchanged()
_HEAD = '"xid":739,"timestamp":"2026-12-01 13:35:12.713588+00","lsn":"0/156E170"'


def t(text: str) -> Text:
    return Text(text.encode())


def known(name: str = "t", oid: int = 16394, *, identity: str = "d", columns: Sequence[ShapeColumn] = ()) -> KnownTable:
    """`id int` (the key), `b boolean`, `n numeric(4,2)`, `s text`, and `g`, which is generated."""
    everything = tuple(columns) or (
        ShapeColumn("id", 23),
        ShapeColumn("b", 16),
        ShapeColumn("n", 1700, 262150),
        ShapeColumn("s", 25),
    )
    key = frozenset(column.name for column in everything) if identity == "f" else frozenset({"id"})
    return KnownTable(oid, TableName("public", name), identity, everything, key, frozenset({"id"}), frozenset({"g"}))


def translator(
    *tables: KnownTable, exact: bool = False, exists: bool = True, characters: Characters | None = None
) -> Translator:
    found = {table.name: table for table in tables or (known(),)}
    others = frozenset({TableName("public", "others")})
    return Translator(KnownTables(found, others), characters or Characters(), exact=exact, exists=lambda _: exists)


def messages(made: Translator, *lines: str | bytes) -> list[Message]:
    batch = [(7, line if isinstance(line, bytes) else line.encode()) for line in lines]
    return [decode(data) for _, data in made.translate(batch)]


def column(name: str, type_oid: int, value: str) -> str:
    return f'{{"name":"{name}","typeoid":{type_oid},"value":{value}}}'


ID, B, NUM, S = column("id", 23, "1"), column("b", 16, "true"), column("n", 1700, "1.50"), column("s", 25, '"x"')
G = column("g", 23, "2")


def change(action: str, columns: Sequence[str] = (), identity: Sequence[str] | None = None, table: str = "t") -> str:
    parts = [f'{{"action":"{action}",{_HEAD},"schema":"public","table":"{table}"']
    parts += [f'"columns":[{",".join(columns)}]'] if columns else []
    parts += [f'"identity":[{",".join(identity)}]'] if identity is not None else []
    return ",".join(parts) + "}"


RELATION = Relation(
    16394,
    "public",
    "t",
    "d",
    (
        RelationColumn(True, "id", 23, -1),
        RelationColumn(False, "b", 16, -1),
        RelationColumn(False, "n", 1700, 262150),
        RelationColumn(False, "s", 25, -1),
    ),
)
COMMIT_US = 1_796_132_112_713_588
VECTORS: dict[str, tuple[str, list[Message]]] = {
    "begin": (
        '{"action":"B","xid":739,"timestamp":"2026-12-01 13:35:12.713588+00","lsn":"0/156E2E0","nextlsn":"0/156E310"}',
        [Begin(Lsn(0x156E2E0), COMMIT_US, 739)],
    ),
    "commit": (
        '{"action":"C","xid":739,"timestamp":"2026-12-01 13:35:12.713588+00","lsn":"0/156E2E0","nextlsn":"0/156E310"}',
        [Commit(0, Lsn(0x156E2E0), Lsn(0x156E310), COMMIT_US)],
    ),
    "a message of ours": (
        f'{{"action":"M",{_HEAD},"transactional":true,"prefix":"rowferry","content":"häi"}}',
        [LogicalMessage(True, Lsn(7), "rowferry", "häi".encode())],
    ),
    "a message outside of transactions": (
        '{"action":"M","xid":null,"timestamp":null,"lsn":"0/1579A80","transactional":false,"prefix":"x","content":"y"}',
        [LogicalMessage(False, Lsn(7), "x", b"y")],
    ),
    "an insert": (
        change("I", (ID, B, NUM, S, G)),
        [RELATION, Insert(16394, (t("1"), t("t"), t("1.50"), t("x")))],
    ),
    "an update of the same key": (
        change("U", (ID, B, NUM, S, G), (ID,)),
        [RELATION, Update(16394, None, None, (t("1"), t("t"), t("1.50"), t("x")))],
    ),
    "an update without a large value": (
        change("U", (ID, B, NUM, G), (ID,)),
        [RELATION, Update(16394, None, None, (t("1"), t("t"), t("1.50"), U))],
    ),
    "an update of another key": (
        change("U", (ID, B, NUM, S, G), (column("id", 23, "10"),)),
        [RELATION, Update(16394, "K", (t("10"), N, N, N), (t("1"), t("t"), t("1.50"), t("x")))],
    ),
    "a delete": (change("D", (), (ID,)), [RELATION, Delete(16394, "K", (t("1"), N, N, N))]),
    "a truncate": (change("T"), [RELATION, Truncate((16394,), False, False)]),
    "a null": (
        change("I", (ID, column("b", 16, "null"), NUM, column("s", 25, "null"), G)),
        [RELATION, Insert(16394, (t("1"), N, t("1.50"), N))],
    ),
    "a null that may be no number": (
        change("I", (ID, B, column("n", 1700, "null"), S, G)),
        [RELATION, Insert(16394, (t("1"), t("t"), U, t("x")))],
    ),
    "escapes": (
        change("I", (ID, column("b", 16, "false"), NUM, column("s", 25, r'"tab\tnl\nq\"b\\\u0001ü😀"'), G)),
        [RELATION, Insert(16394, (t("1"), t("f"), t("1.50"), t('tab\tnl\nq"b\\\x01ü😀')))],
    ),
    "a table that is not captured": (change("I", (ID,), table="others"), []),
}


@pytest.mark.parametrize(("line", "expected"), VECTORS.values(), ids=VECTORS)
def test_line_becomes_what_pgoutput_sends(line: str, expected: list[Message]) -> None:
    if expected:
        assert messages(translator(), line) == expected
    else:
        assert translator().translate([(7, line.encode())]) == [(7, b"I\0\0\0\0")]


@pytest.mark.parametrize("line", [line for line, _ in VECTORS.values()], ids=VECTORS)
def test_every_truncation_is_a_protocol_error(line: str) -> None:
    """A table that is not captured is passed over by its head."""
    data, made = line.encode(), translator()
    for size in range(len(data) if "others" not in line else line.index('"columns"')):
        with pytest.raises(ProtocolError):
            made.translate([(7, data[:size])])


GARBAGE = {
    "nothing": "",
    "no JSON": "BEGIN 739",
    "format version 1": '{"change":[]}',
    "another action": change("X", (ID,)),
    "no columns": change("I"),
    "no name of a column": change("I", ('{"typeoid":23,"value":1}',)),
    "no value": change("I", ('{"name":"id","typeoid":23}',)),
    "no type": change("I", ('{"name":"id","value":1}',)),
    "a type that is no number": change("I", ('{"name":"id","typeoid":"int","value":1}',)),
    "a value that is an object": change("I", (column("id", 23, "{}"),)),
    "columns that are none": f'{{"action":"I",{_HEAD},"schema":"public","table":"t","columns":{{"a":1}}}}',
    "NaN": change("I", (column("id", 23, "NaN"),)),
    "half of a surrogate": change("I", (column("id", 23, r'"\ud83d"'),)),
    "more behind it": change("I", (ID, B, NUM, S)) + "}",
    "a begin without a time": '{"action":"B","xid":739,"lsn":"0/156E2E0","nextlsn":"0/156E310"}',
    "a begin at no day": VECTORS["begin"][0].replace("12-01", "02-30"),
    "a begin at no position": VECTORS["begin"][0].replace("0/156E2E0", "156E2E0"),
    "a begin without a transaction": VECTORS["begin"][0].replace("739", "null"),
    "a begin of 64 bits": VECTORS["begin"][0].replace("739", "4294967296"),
    "a message without content": f'{{"action":"M",{_HEAD},"transactional":true,"prefix":"x"}}',
    "a message of no kind": f'{{"action":"M",{_HEAD},"transactional":"yes","prefix":"x","content":""}}',
}


@pytest.mark.parametrize("line", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_line_is_a_protocol_error_without_its_values(line: str) -> None:
    with pytest.raises(ProtocolError) as told:
        translator().translate([(7, line.encode())])
    assert '"id"' not in str(told.value)


def test_relation_is_told_once_and_again_when_the_columns_differ() -> None:
    """D1: there are no messages of definitions; red without `fresh` in `Shape`."""
    made, more = translator(), column("new", 25, '"y"')
    same = [Insert(16394, (t("1"), t("t"), t("1.50"), t("x")))]
    assert messages(made, change("I", (ID, B, NUM, S, G)))[1:] == same
    assert messages(made, change("I", (ID, B, NUM, S, G))) == same
    relation, insert = messages(made, change("I", (ID, B, NUM, S, G, more)))
    assert isinstance(relation, Relation)
    assert [each.name for each in relation.columns] == ["id", "b", "n", "s", "new"]
    assert insert == Insert(16394, (t("1"), t("t"), t("1.50"), t("x"), t("y")))


OTHER_SHAPES = {
    "another type": ((ID, B, column("n", 701, "1.5"), S), ["id 23", "b 16", "n 701", "s 25"]),
    "a column dropped that is never large": ((ID, NUM, S), ["id 23", "n 1700", "s 25"]),
    "a column dropped that may be large": ((ID, B, S), ["id 23", "b 16", "n 1700", "s 25"]),
    "one new, one left out": ((ID, B, NUM, column("z", 23, "1")), ["id 23", "b 16", "n 1700", "s 25", "z 23"]),
    "a type whose OID is above 2^31": (
        (ID, B, NUM, S, column("z", -2, '"1"')),
        ["id 23", "b 16", "n 1700", "s 25", "z 4294967294"],
    ),
}


@pytest.mark.parametrize(("columns", "expected"), OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_update_of_other_columns_tells_them(columns: Sequence[str], expected: list[str]) -> None:
    """D1. What is left out is unchanged where its type may be large, and dropped where it may not."""
    relation, update = messages(translator(), change("U", columns, (ID,)))
    assert isinstance(relation, Relation)
    assert [f"{each.name} {each.type_oid}" for each in relation.columns] == expected
    assert isinstance(update, Update)
    assert len(update.new) == len(expected)


FULL = {
    "whole": ((ID, B, NUM, S), (ID, B, NUM, S), "O", (t("1"), t("t"), t("1.50"), t("x")), t("1.50")),
    "a large value is in the old row": (
        (ID, B, NUM),
        (ID, B, NUM, S),
        "O",
        (t("1"), t("t"), t("1.50"), t("x")),
        t("1.50"),
    ),
    "the old value may be no number": (
        (ID, B, NUM, S),
        (ID, B, column("n", 1700, "null"), S),
        "K",
        (t("1"), N, N, N),
        t("1.50"),
    ),
    "the new value may be no number": (
        (ID, B, column("n", 1700, "null"), S),
        (ID, B, NUM, S),
        "K",
        (t("1"), N, N, N),
        U,
    ),
}


@pytest.mark.rule("V5")
@pytest.mark.parametrize(("new", "old", "kind", "row", "number"), FULL.values(), ids=FULL)
def test_v5_old_row_is_whole_where_nothing_in_it_is_unclear(
    new: Sequence[str], old: Sequence[str], kind: str, row: tuple[object, ...], number: object
) -> None:
    """Red with an old row whatever is in it: a value that may be NaN would be NULL, or the one of before."""
    relation, update = messages(translator(known(identity="f")), change("U", (*new, G), (*old, G)))
    assert isinstance(relation, Relation)
    assert (relation.replica_identity, all(each.key for each in relation.columns)) == ("f", True)
    assert update == Update(16394, kind, row, (t("1"), t("t"), number, t("x")))  # type: ignore[arg-type]


def test_identity_of_then_is_told_whatever_it_is_now() -> None:
    """D4: the row was written under another one."""
    relation, _ = messages(translator(known(identity="f")), change("D", (), (ID,)))
    assert isinstance(relation, Relation)
    assert (relation.replica_identity, [each.key for each in relation.columns]) == ("d", [True, False, False, False])
    relation, delete = messages(translator(), change("D", (), (ID, B, NUM, S)))
    assert isinstance(relation, Relation)
    assert relation.replica_identity == "f"
    assert delete == Delete(16394, "O", (t("1"), t("t"), t("1.50"), t("x")))
    relation, _ = messages(translator(), change("U", (ID, B, NUM, S)))
    assert isinstance(relation, Relation)
    assert relation.replica_identity == "n"


@pytest.mark.rule("D4")
def test_d4_key_that_may_be_no_number_is_none() -> None:
    """The table is read again for it; red where it is one that did not change: the old key would be taken."""
    made = translator(known(columns=(ShapeColumn("id", 701), ShapeColumn("b", 16))))
    old, new = column("id", 701, "1.5"), column("id", 701, "null")
    [_, update] = messages(made, change("U", (new, B), (old,)))
    assert update == Update(16394, "K", (t("1.5"), N), (N, t("t")))
    assert messages(made, change("D", (), (new,))) == [Delete(16394, "K", (N, N))]


def test_numbers_as_texts_are_what_they_say() -> None:
    made = translator(exact=True)
    [_, insert] = messages(made, change("I", (ID, B, column("n", 1700, '"NaN"'), S, G)))
    assert insert == Insert(16394, (t("1"), t("t"), t("NaN"), t("x")))
    [insert] = messages(made, change("I", (ID, B, column("n", 1700, "null"), S, G)))
    assert insert == Insert(16394, (t("1"), t("t"), N, t("x")))


def test_bytes_get_the_prefix_that_the_plugin_takes_away_and_those_of_a_domain_have_it() -> None:
    table = known(columns=(ShapeColumn("id", 23), ShapeColumn("by", 17), ShapeColumn("r", 16392)))
    line = change("I", (ID, column("by", 17, '"deadbeef"'), column("r", 16392, r'"\\x00ff"')))
    assert messages(translator(table), line)[1:] == [Insert(16394, (t("1"), t("\\xdeadbeef"), t("\\x00ff")))]


@pytest.mark.rule("P6")
def test_p6_changes_of_other_tables_are_counted() -> None:
    """Red where they are passed over: an ordinal would depend on the selection."""
    lines = [change(action, (ID,), (ID,), table="others") for action in "IUD"] + [change("T", table="others")]
    found = translator().translate([(7, line.encode()) for line in lines])
    assert [data[:5] for _, data in found] == [b"I\0\0\0\0", b"U\0\0\0\0", b"D\0\0\0\0", b"T\0\0\0\1"]


@pytest.mark.rule("D4")
def test_d4_change_under_a_name_of_a_moment_has_each_table_read_again_that_it_may_be_of() -> None:
    """A table that is renamed and renamed back: red without `_doubted`."""
    other = known("o", 2, columns=(ShapeColumn("id", 20),))
    made = translator(known(), other, exists=False)
    relation, _ = made.translate([(7, change("U", (ID, B, NUM), (ID,), table="moment").encode())])
    found = decode(relation[1])
    assert isinstance(found, Relation)
    assert (found.oid, found.name, found.replica_identity, any(c.key for c in found.columns)) == (
        16394,
        "moment",
        "n",
        False,
    )
    assert messages(made, change("I", (ID, B, NUM, S, G)))[0] == RELATION


@pytest.mark.parametrize("action", "IUD")
def test_change_of_a_table_that_came_since_is_of_nobody(action: str) -> None:
    found = translator(exists=True).translate([(7, change(action, (ID, B, NUM), (ID,), table="new").encode())])
    assert [data for _, data in found] == [action.encode() + b"\0\0\0\0"]


def test_bytes_that_are_no_utf8_stay_what_they_are() -> None:
    """P8, of a database that checks no encoding."""
    line = change("I", (ID, B, NUM, column("s", 25, '"?"'), G)).encode().replace(b"?", b"\xff\xe9")
    assert messages(translator(), line)[1:] == [Insert(16394, (t("1"), t("t"), t("1.50"), Text(b"\xff\xe9")))]


def test_lines_of_a_database_of_single_bytes_are_recoded() -> None:
    """P8: wal2json writes in the encoding of the database."""
    latin1 = ByteCharacters([chr(byte) for byte in range(0x80, 0x100)])
    line = change("I", (ID, B, NUM, column("s", 25, '"?"'), G)).encode().replace(b"?", b"\xe9")
    made = translator(characters=latin1)
    assert messages(made, line)[1:] == [Insert(16394, (t("1"), t("t"), t("1.50"), t("é")))]


TIMES = {
    "2026-12-01 13:35:12.7+00": 1_796_132_112_700_000,
    "2026-12-01 13:35:12+00": 1_796_132_112_000_000,
    "2026-12-01 15:05:12.713588+01:30": COMMIT_US,
    "2026-12-01 08:35:12.713588-05": COMMIT_US,
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items(), ids=TIMES)
def test_commit_time_is_told_to_the_microsecond(text: str, expected: int) -> None:
    line = VECTORS["begin"][0].replace("2026-12-01 13:35:12.713588+00", text)
    assert messages(translator(), line) == [Begin(Lsn(0x156E2E0), expected, 739)]
