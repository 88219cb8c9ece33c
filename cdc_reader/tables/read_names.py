"""
Edge: whether the names and types by which a table's rows are read are still its own, asked behind each read.

By the end of a scan, or by the next heartbeat, they may be again. Whoever changed them before the read has committed
by then, so what was read under others is known; it says nothing: its bytes may even pass for values of the plan's.

Keeps: V5, D1.
"""

from __future__ import annotations

from cdc_reader.discovery.publication import quote_table
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.server import columns_now
from cdc_reader.tables.captured import CapturedTable


def read_otherwise(connection: Connection, table: CapturedTable, leaf: int | None = None) -> bool:
    """Whether the table, or a leaf that is read alone, has other names or types than those that it is read by."""
    oid, read = (table.entry.oid, table.read) if leaf is None else (leaf, table.leaf_reads[leaf])
    name, now = columns_now(connection, oid)
    if name is None or quote_table(name) != read.relation.removeprefix("ONLY "):
        return True
    types = {column.name: column.type_oid for column in table.entry.columns}
    order = table.orders.get(oid, list(types))
    return [each for each in now if each[0] in types] != [(column, types[column]) for column in order]
