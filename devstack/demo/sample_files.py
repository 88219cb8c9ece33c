"""Edge: the references to files as the database holds them now, and what the index has of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache

import psycopg
from psycopg import sql

from devstack.demo.file_check import FILE_FIELDS, ROW_FIELDS, Fields, FileTally, RowPlace
from devstack.demo.index_client import IndexClient
from devstack.demo.references import Place, Reference
from devstack.errors import DevstackError
from devstack.sample.model import file_columns
from devstack.sample.objects.expected import Expected
from devstack.sample.tables import CAPTURED

FILES, FILE_ROWS = "procore_file", "procore_file_row"
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_KNOWN = 20_000


def references(dsn: str) -> Iterator[Reference]:
    """Every reference to a file in the sample, in one snapshot; raises DevstackError."""
    keys = {table.name: table.primary_key for table in CAPTURED}
    places = [Place(*each) for each in file_columns(CAPTURED)]
    try:
        with psycopg.connect(dsn, autocommit=True, application_name="rowferry-demo") as connection:
            connection.execute(_SNAPSHOT)
            for place in places:
                for *key, value in connection.execute(_select(place, keys[place.table])):
                    yield from place.references(key, value)
    except psycopg.Error as exc:
        raise DevstackError(f"expected to read the references of the sample, got {type(exc).__name__}") from exc


def compared(dsn: str, index: IndexClient, expected: Callable[[str], Expected]) -> FileTally:
    """Compare each reference's document, and the rows of spreadsheets, with what `expected` says of its location."""
    expect = lru_cache(_KNOWN)(expected)
    rows = _rows(index)
    files = {fields["file_id"]: fields for fields in index.documents(FILES, FILE_FIELDS)}
    tally = FileTally()
    for reference in references(dsn):
        found = files.pop(reference.file_id, None)
        tally.enter(reference.file_id, expect(reference.location), found, rows.pop(reference.file_id, {}))
    for file_id in files.keys() | rows.keys():
        tally.add_difference(file_id, ["in the index, though no row refers to it"])
    return tally


def _rows(index: IndexClient) -> dict[str, dict[RowPlace, Fields]]:
    found: defaultdict[str, dict[RowPlace, Fields]] = defaultdict(dict)
    for fields in index.documents(FILE_ROWS, ROW_FIELDS):
        found[fields["file_id"]][fields.get("sheet", ""), fields["row_number"]] = fields["values"]
    return dict(found)


def _select(place: Place, key: tuple[str, ...]) -> sql.Composed:
    columns = [sql.SQL("{}::text").format(sql.Identifier(name)) for name in (*key, place.column)]
    table = sql.Identifier("public", place.table)
    wanted = sql.SQL("SELECT {} FROM {} WHERE {} IS NOT NULL")
    return wanted.format(sql.SQL(", ").join(columns), table, sql.Identifier(place.column))
