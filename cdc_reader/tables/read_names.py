"""
Edge: whether a table is still what its rows are read as: names and types behind each read, files around it.

By the end of a scan, or by the next heartbeat, they may be again. Whoever changed them before the read has committed
by then, so what was read under others is known; it says nothing: its bytes may even pass for values of the plan's.

REPACK (CONCURRENTLY) of PostgreSQL 19 alters nothing and hides all rows from snapshots that were taken before it
committed: a read in such a one is of an empty table. It changes the file, which is asked for before the snapshot too.

Keeps: V5, D1.
"""

from __future__ import annotations

from cdc_reader.discovery.publication import quote_table
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.server import columns_now, files_now
from cdc_reader.tables.captured import CapturedTable

_FIRST_WITH_REPACK = 190000


def read_otherwise(connection: Connection, table: CapturedTable, leaf: int | None = None) -> bool:
    """Whether the table, or a leaf that is read alone, has other names or types than those that it is read by."""
    oid, read = (table.entry.oid, table.read) if leaf is None else (leaf, table.leaf_reads[leaf])
    name, now = columns_now(connection, oid)
    if name is None or quote_table(name) != read.relation.removeprefix("ONLY "):
        return True
    types = {column.name: column.type_oid for column in table.entry.columns}
    order = table.orders.get(oid, list(types))
    return [each for each in now if each[0] in types] != [(column, types[column]) for column in order]


def files_read(connection: Connection, table: CapturedTable, leaf: int | None = None) -> tuple[int, ...]:
    """The files that hold the rows of the table, or of a leaf; nothing where no rewrite hides rows without a trace.

    Ask before the snapshot is taken and behind the read: where it differs, what was absent need not be gone.
    """
    if connection.info.server_version < _FIRST_WITH_REPACK:
        return ()
    return files_now(connection, sorted(table.relations) if leaf is None else [leaf])
