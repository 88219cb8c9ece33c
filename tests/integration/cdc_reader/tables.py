"""The tables of a database as PostgreSQL prints them, beside what the topics tell of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from schemas.names import TableName
from tests.databases import Database
from tests.integration.cdc_reader.readers import Consumer


def rows_in_database(database: Database, table: str) -> dict[str, dict[str, str]]:
    """The table as PostgreSQL prints it: document id -> column -> text, NULL absent, generated columns left out."""
    columns = [
        str(name)
        for (name,) in database.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = '' ORDER BY attnum",
            (f'public."{table}"',),
        )
    ]
    order = [
        str(name)
        for (name,) in database.execute(
            "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, at)"
            " JOIN pg_attribute a ON a.attnum = k.attnum WHERE i.indrelid = %s::regclass AND i.indisprimary"
            " AND a.attrelid = i.indrelid ORDER BY k.at",
            (f'public."{table}"',),
        )
    ]
    # Not a cast: `true::text` is `true` and an inet gets its mask, where PostgreSQL prints `t` and none.
    shown = ", ".join(f'CASE WHEN "{name}" IS DISTINCT FROM NULL THEN format(\'%s\', "{name}") END' for name in columns)
    with database.connect() as connection:
        connection.execute(
            "SET timezone = 'UTC'; SET datestyle = ISO; SET bytea_output = hex; SET extra_float_digits = 1"
        )
        fetched = connection.execute(f'SELECT {shown} FROM public."{table}"'.encode()).fetchall()
    rows = {}
    for values in fetched:
        row = {name: value for name, value in zip(columns, values, strict=True) if value is not None}
        rows[f"{table}/{_key([row[name] for name in order])}"] = row
    return rows


def _key(parts: list[str]) -> str:
    """The key as the documentation words it, written here anew."""
    return ",".join(
        re.sub(rb"[^A-Za-z0-9._~-]", lambda m: b"%%%02X" % m[0][0], part.encode()).decode() or "%00" for part in parts
    )


def tables_in_database(database: Database) -> list[str]:
    rows = database.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        " AND tablename NOT IN ('_prisma_migrations', 'sync_events') ORDER BY 1"
    )
    return [str(name) for (name,) in rows]


def differences(database: Database, consumer: Consumer) -> Iterator[str]:
    """Every table that the topics do not tell as the database has it."""
    tables = tables_in_database(database)
    published = consumer.all_published([TableName("public", table) for table in tables])
    for table in tables:
        expected = rows_in_database(database, table)
        got = published[TableName("public", table)].rows(table)
        if expected != got:
            wrong = [key for key in expected.keys() & got.keys() if expected[key] != got[key]]
            columns = sorted(
                {
                    name
                    for key in wrong
                    for name in expected[key].keys() | got[key].keys()
                    if expected[key].get(name) != got[key].get(name)
                }
            )
            yield (
                f"{table}: {len(expected.keys() - got.keys())} missing, {len(got.keys() - expected.keys())} surplus, "
                f"{len(wrong)} different in {columns}"
            )
