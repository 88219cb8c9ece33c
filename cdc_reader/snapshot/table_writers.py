"""
Edge: the transactions that wrote to a table before it was published (rule S4).

Such a transaction is in no stream of ours; a chunk that is read before it commits would miss its rows. It may take for
ever: nobody waits here, the scan asks again.

Keeps: S4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import LiteralString

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.open_transactions import PREPARED, SESSION
from cdc_reader.postgres.workers import Worker

# A prepared transaction has no process any more; its xid is found by its own lock.
_WRITERS: LiteralString = f"""
SELECT w.virtualtransaction, coalesce(min({SESSION}), min({PREPARED}), 'transaction ' || w.virtualtransaction)
FROM pg_catalog.pg_locks w
LEFT JOIN pg_catalog.pg_stat_activity s ON s.pid = w.pid
LEFT JOIN pg_catalog.pg_locks own ON w.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
     AND own.granted AND own.virtualtransaction = w.virtualtransaction
LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = own.transactionid
WHERE w.locktype = 'relation' AND w.granted
  AND w.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND w.relation = ANY (%s) AND w.pid IS DISTINCT FROM pg_backend_pid()
  AND w.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                 'AccessExclusiveLock')
GROUP BY w.virtualtransaction
"""


def writers_left(worker: Worker, oids: Sequence[int], before: Collection[str] | None) -> Mapping[str, str]:
    """Which transactions hold a write lock on the tables; of those of `before`, once they were listed (rule S4).

    As virtual transaction ids, each with who it is in words: one that is prepared meanwhile keeps its own, and counts.
    """
    holders = _writers(worker.connection, oids)
    return holders if before is None else {each: who for each, who in holders.items() if each in before}


def _writers(connection: Connection, oids: Sequence[int]) -> dict[str, str]:
    with translated("list the writers of a table in pg_locks"):
        rows = connection.execute(_WRITERS, (list(oids),)).fetchall()
    return {str(transaction): str(who) for transaction, who in rows}
