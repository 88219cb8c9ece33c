"""
`rowferry discover` on a database of many tables, as a person runs it: from the start of the process to its last byte.

TABLES tables of 12 columns, some of which refer to files, by name or by their values alone; every tenth has 5,000 rows,
the others 200; foreign keys to one table, the statistics of ANALYZE in half of them. Its peer is what nothing can do
without: one `SELECT count(*)` for each table, over one connection.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

import orjson
import psycopg

from devstack import postgres

TABLES = int(os.environ.get("ROWFERRY_BENCH_TABLES", "2000"))
ROUNDS = int(os.environ.get("ROWFERRY_BENCH_ROUNDS", "3"))
_AT_ONCE = 100  # a lock for each: as many as a server has by default
TABLE = """CREATE TABLE items_{0} (
    id bigint PRIMARY KEY, project_id bigint REFERENCES projects, title text, body text, status varchar(20),
    amount numeric(12,2), photo_url text, s3_key text, place text, meta jsonb, created_at timestamptz, state_id int);
    INSERT INTO items_{0} SELECT g, 1, 'title ' || g, repeat('some words ', 20), 'open', g * 1.25,
    'https://files.example.com/' || g || '.jpg', 'photos/' || g || '.jpg', 'archive/' || g || '.pdf',
    jsonb_build_object('k', g), now(), 3 FROM generate_series(1, {1}) g;"""
MODES = {
    "discover": (),
    "discover --exact-counts": ("--exact-counts",),
    "discover --no-include-stats": ("--no-include-stats",),
}


def main() -> int:
    """Make the database, run each mode in turn, print a table."""
    with postgres.start() as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        _fill(connection)
        taken: dict[str, list[float]] = {name: [] for name in ("SELECT count(*) of each", *MODES)}
        found: dict[str, int] = {}
        for _ in range(ROUNDS):
            taken["SELECT count(*) of each"].append(_counted(connection))
            for name, flags in MODES.items():
                seconds, size = _discovered(server.dsn, flags)
                taken[name].append(seconds)
                found[name] = size
    print(f"| {TABLES} tables of 12 columns, {ROUNDS} rounds in turn | s (median) | min - max | output, MB |")
    print("| --- | --- | --- | --- |")
    for name, seconds_taken in taken.items():
        low, high = min(seconds_taken), max(seconds_taken)
        size_mb = f"{found[name] / 1e6:.1f}" if name in found else ""
        print(f"| `{name}` | {statistics.median(seconds_taken):.1f} | {low:.1f} - {high:.1f} | {size_mb} |")
    print(f"\nload average {os.getloadavg()[0]:.1f}")
    return 0


def _fill(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute("CREATE TABLE projects (id bigint PRIMARY KEY, name text)")
    connection.execute("INSERT INTO projects VALUES (1, 'one')")
    for first in range(0, TABLES, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, TABLES))
        script = "".join(TABLE.format(at, 5000 if at % 10 == 0 else 200) for at in numbers)
        connection.execute(script.encode())
        connection.execute("; ".join(f"ANALYZE items_{at}" for at in numbers if at % 2).encode())


def _counted(connection: psycopg.Connection[tuple[object, ...]]) -> float:
    began = time.monotonic()
    for at in range(TABLES):
        connection.execute(f"SELECT count(*) FROM items_{at}".encode())
    return time.monotonic() - began


def _discovered(dsn: str, flags: tuple[str, ...]) -> tuple[float, int]:
    call = "from rowferry.cli import main; raise SystemExit(main())"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", call, "discover", "--database-url", dsn, *flags],
        stdout=subprocess.PIPE,
        check=True,
        env=environment,
    )
    seconds = time.monotonic() - began
    [schema] = orjson.loads(done.stdout)["schemas"]
    assert len(schema["tables"]) == TABLES + 1
    return seconds, len(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
