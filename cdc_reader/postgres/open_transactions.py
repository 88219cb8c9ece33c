"""
Edge: who has a transaction open that the reader waits for.

Never a query's text or a row's value: the process, its program, and since when; where our role may not see that of
other users, the statement that lets it. Times, not ages: what is told once stays true.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import LiteralString

from cdc_reader.postgres.connections import Connection, translated

LOOK = "SELECT pid, usename, application_name, state, xact_start FROM pg_stat_activity WHERE backend_xid IS NOT NULL;"
_MOST = 10
_UTC: LiteralString = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""
# Of other users everyone sees the process and its program; the rest is NULL, and the query says so.
HIDDEN: LiteralString = (
    "CASE WHEN s.query = '<insufficient privilege>' THEN"
    " 'since when is hidden from us: GRANT pg_read_all_stats TO ' || quote_ident(current_user) || ';' END"
)
SESSION: LiteralString = (
    "'pid ' || s.pid || coalesce(' (' || nullif(s.application_name, '') || ')', '')"
    f" || coalesce(', open since ' || to_char(s.xact_start AT TIME ZONE 'UTC', {_UTC}), ', ' || {HIDDEN}, '')"
)
PREPARED: LiteralString = (
    f"'prepared transaction ' || p.gid || ', since ' || to_char(p.prepared AT TIME ZONE 'UTC', {_UTC})"
)
CONNECTED_SINCE: LiteralString = f"to_char(s.backend_start AT TIME ZONE 'UTC', {_UTC})"
_OPEN: LiteralString = f"""
SELECT {SESSION} FROM pg_catalog.pg_stat_activity s
WHERE s.backend_xid IS NOT NULL AND s.pid <> pg_backend_pid() AND (%s OR s.backend_xid::text::int8 = ANY (%s))
UNION ALL
SELECT {PREPARED} FROM pg_catalog.pg_prepared_xacts p WHERE %s OR p.transaction::text::int8 = ANY (%s)
ORDER BY 1 LIMIT {_MOST}
"""


def open_transactions(connection: Connection, xids: Collection[int] | None = None) -> list[str]:
    """Ten at most, in words: of all that have an xid, or of these."""
    # The views have the lower half of an xid, snapshots have the whole.
    short = [xid & 0xFFFF_FFFF for xid in xids or ()]
    with translated("read which transactions are open"):
        rows = connection.execute(_OPEN, (xids is None, short, xids is None, short)).fetchall()
    return [str(row[0]) for row in rows]
