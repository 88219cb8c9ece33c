"""Every type of the corpus: what stream and snapshot make of it, and how it may be a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
import pytest

from cdc_reader.discovery.captures import REPLICATION, capture_of
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.selection import Selection
from cdc_reader.pgoutput import Insert, Relation, decode
from cdc_reader.postgres.connections import Connection, connect
from cdc_reader.postgres.row_queries import confirmed
from cdc_reader.postgres.visible_reads import copy_rows
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.tables.planned import PlannedTables, TopicSettings, plan_tables
from cdc_reader.transcode import EventContext, make_encoder
from schemas.wire import EventDecoder
from tests import databases
from tests.databases import Database
from tests.type_corpus import NO_ORDER, PREPARED, UNSTABLE, XML, YES, Typed, lines
from tests.unit.cdc_reader.transcode.cases import IMPLEMENTATIONS

CONTEXT = EventContext("stream", 1, 2, 3, 4)
CONTRIB = ("hstore", "citext", "ltree", "cube", "isn", "vector")


def has(database: Database, typed: Typed) -> bool:
    """Whether the server has the type; devstack's lacks libxml and contrib, others have them."""
    if typed.type == '"char"' and int(database.execute("SHOW server_version_num")[0][0]) < 160000:
        return False  # of another form
    if typed.extension == XML:
        return bool(database.execute("SELECT FROM pg_config() WHERE name = 'CONFIGURE' AND setting LIKE '%libxml%'"))
    known = "SELECT FROM pg_extension WHERE extname = %s"
    return not typed.extension or bool(database.execute(known, [typed.extension]))


@pytest.fixture(scope="module")
def prepared(postgres_dsn: str) -> Iterator[Database]:
    with databases.temporary(postgres_dsn) as database:
        database.execute(PREPARED)
        available = {name for (name,) in database.execute("SELECT name::text FROM pg_available_extensions")}
        for name in CONTRIB:
            if name in available:
                database.execute(f"CREATE EXTENSION {name}")
        database.execute(f"ALTER DATABASE {database.name} SET lc_monetary = 'C'")
        yield database


@pytest.fixture(scope="module")
def connection(prepared: Database) -> Iterator[Connection]:
    with connect(prepared.dsn, application_name="test") as opened:
        yield opened


def catalog_of(connection: Connection, *names: str) -> Catalog:
    return read_catalog(connection, Selection.of([f"public.{name}" for name in names], []), publication=None)


def planned(catalog: Catalog) -> PlannedTables:
    return plan_tables(catalog, {}, TopicSettings("rowferry", "cdc", 1, {}), version=1, encoder_of=make_encoder)


def changes(connection: Connection, slot: str, name: str, *, binary: bool) -> tuple[Relation, list[bytes]]:
    """What the stream sends of a table, both ways from one slot."""
    rows = connection.execute(
        "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, NULL, NULL, 'proto_version', '1',"
        " 'publication_names', %s, 'binary', %s)",
        (slot, name, str(binary).lower()),
    ).fetchall()
    messages = [(data, decode(data)) for (data,) in rows]
    relation = next(message for _, message in messages if isinstance(message, Relation))
    return relation, [data for data, message in messages if isinstance(message, Insert)]


def made(database: Database, name: str, types: Sequence[Typed]) -> list[dict[str, str]]:
    """A table with a column of each type, and rows; what their columns hold, as far as that is not null."""
    columns = {f"c{at}": typed for at, typed in enumerate(types)}
    database.execute(
        f"CREATE TABLE {name} (id int8 PRIMARY KEY, {', '.join(f'{at} {each.type}' for at, each in columns.items())});"
        f"CREATE PUBLICATION {name} FOR TABLE {name}"
    )
    database.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [f"{database.name}_{name}"])
    rows = []
    for row in range(max(len(each.texts) for each in types)):
        values = {at: each.texts[row] for at, each in columns.items() if row < len(each.texts)}
        marks = ", ".join(["%s"] * (len(values) + 1))
        with psycopg.connect(database.dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(
                f"INSERT INTO {name} (id, {', '.join(values)}) VALUES ({marks})".encode(), [row, *values.values()]
            )
        rows.append({"id": str(row), **values})
    return rows


@pytest.mark.parametrize("name", ["printed", "texts"])
def test_stream_and_snapshot_carry_every_type_alike(prepared: Database, connection: Connection, name: str) -> None:
    """Tables without `texts` may be asked for in binary; whatever is asked for, the events are the same bytes."""
    types = [each for each in lines() if has(prepared, each) and each.binary is (name == "printed")]
    rows = made(prepared, name, types)
    catalog = catalog_of(connection, name)
    plans = planned(catalog)
    assert [each.partition(".c")[2] for each in plans.text_only] == (
        [] if name == "printed" else [f"{at} ({text})" for at, text in enumerate(printed_names(prepared, name))]
    )
    [table] = plans.captured
    assert [column.kind.name for column in table.plan.columns[1:]] == [each.kind for each in types]

    slot = f"{prepared.name}_{name}"
    relation, in_text = changes(connection, slot, name, binary=False)
    read = copy_rows(connection, table.read.range_query(None, 100), texts=table.read.texts)[0]
    copied = confirmed(read) or []
    plan = plan_table(table.entry, prefix="cdc", relation=relation, types=catalog.types)
    assert plan.binary is (name == "printed")
    _, in_binary = changes(connection, slot, name, binary=plan.binary)
    for implementation in IMPLEMENTATIONS:
        encoder = make_encoder(plan, implementation)
        events = [encoder.change(payload, CONTEXT, 1, 2, 3) for payload in in_text]
        assert [encoder.change(payload, CONTEXT, 1, 2, 3) for payload in in_binary] == events
        assert [encoder.copy_row(row) for row in copied] == [
            (key, encoder.columns(encoder.split(payload).new or ()).row, ())
            for (key, _, _), payload in zip(events, in_text, strict=True)
        ]
        decoder = EventDecoder({plan.fingerprint: plan.avro_schema}.__getitem__)
        shown = [decoder.decode(value).after_text() for _, value, _ in events]
        assert [sorted(got.items() ^ row.items()) for got, row in zip(shown, rows, strict=True)] == [[]] * len(rows)


def printed_names(database: Database, table: str) -> list[str]:
    names = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 1"
    return [name for (name,) in database.execute(f"{names} ORDER BY attnum", [table])]


def test_types_are_keys_as_the_page_says(prepared: Database, connection: Connection) -> None:
    types = {f"key_{at}": each for at, each in enumerate(lines()) if has(prepared, each)}
    ordered = [name for name, typed in types.items() if takes_keys(prepared, name, typed)]
    catalog = catalog_of(connection, *ordered)
    found = dict.fromkeys(types, NO_ORDER)
    for table in catalog.tables:
        capture = capture_of(table)
        found[table.name.name] = YES if capture.mode == REPLICATION else capture.reason
    told = {
        types[name].type: UNSTABLE if UNSTABLE.removeprefix("no: its ") in reason else reason
        for name, reason in found.items()
    }
    assert told == {typed.type: typed.key for typed in types.values()}


def takes_keys(database: Database, name: str, typed: Typed) -> bool:
    """Whether a table can have such a primary key: it must tell two equal ones."""
    try:
        database.execute(f"CREATE TABLE {name} (k {typed.type} PRIMARY KEY)")
        database.execute(f"INSERT INTO {name} VALUES (%s), (%s)", [typed.texts[0]] * 2)
    except psycopg.errors.UniqueViolation:
        return True
    except (psycopg.errors.UndefinedObject, psycopg.errors.UndefinedFunction):
        return False
    raise AssertionError(f"expected a key of {typed.type} to be unique")
