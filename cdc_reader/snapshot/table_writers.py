"""
Edge: waits for the transactions that wrote to a table before it was published (rule S4).

Such a transaction is in no stream of ours; a chunk that is read before it commits would miss its rows.

Keeps: S4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.workers import Worker

_WRITE_LOCKS = (
    "('RowExclusiveLock','ShareUpdateExclusiveLock','ShareRowExclusiveLock','ExclusiveLock','AccessExclusiveLock')"
)


def wait_for_writers(worker: Worker, oids: Sequence[int], waiting_for: Callable[[list[str]], None]) -> None:
    """Return once every transaction that holds a write lock on the tables now has ended (rule S4).

    Prepared transactions count too. `waiting_for` is told the virtual transaction ids, once.
    """
    holders = _writers(worker.connection, oids)
    if holders:
        waiting_for(sorted(holders))
    while holders:
        worker.pause(0.05)
        holders &= _writers(worker.connection, oids)


def _writers(connection: Connection, oids: Sequence[int]) -> set[str]:
    with translated("list the writers of a table in pg_locks"):
        rows = connection.execute(
            "SELECT DISTINCT virtualtransaction FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND granted"
            " AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
            f" AND relation = ANY(%s) AND mode IN {_WRITE_LOCKS} AND pid IS DISTINCT FROM pg_backend_pid()",
            (list(oids),),
        ).fetchall()
    return {str(row[0]) for row in rows}
