"""
From the slot to Kafka: the reader, beside `pg_recvlogical` draining the same changes to /dev/null.

One transaction of ROWS rows of 12 columns. Both peers read binary tuples
from slots that saw the same WAL, on the same machine, one after the other, several times in turn; the ratio is of
medians. The reader publishes Avro events exactly once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import processes
from devstack import kafka, postgres
from devstack.kafka import KafkaServer
from devstack.postgres import PostgresServer

ROWS = int(os.environ.get("ROWFERRY_BENCH_ROWS", "300000"))
ROUNDS = int(os.environ.get("ROWFERRY_BENCH_ROUNDS", "3"))
TABLE = """CREATE TABLE items (
    id bigint PRIMARY KEY, project_id bigint, title text, body text, status text, amount numeric(12,2), quantity int,
    ratio float8, active bool, meta jsonb, created_at timestamptz, updated_at timestamptz)"""
FILL = """INSERT INTO items SELECT g, mod(g, 100), 'title of item ' || g, repeat('some words of the body ', 6) || g,
    'open', g * 1.25, mod(g, 1000), g / 7.0, mod(g, 2) = 0, jsonb_build_object('k', g, 's', 'v' || g), now(), now()
    FROM generate_series(%s, %s) g"""
PUBLICATION = "CREATE PUBLICATION peer FOR TABLE items"
_WAIT_S = 300.0


def main() -> int:
    """Run both peers in turn and print a table."""
    with (
        postgres.start() as server,
        kafka.start() as broker,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        connection.execute(TABLE)
        connection.execute(PUBLICATION)
        with _reader(server, broker) as reader:
            _wait_streaming(connection, reader)
            peers: list[float] = []
            ours: list[float] = []
            cpu: list[float] = []
            for at in range(ROUNDS):
                os.kill(reader.pid, 19)  # SIGSTOP: the WAL is written before anybody reads it
                connection.execute("SELECT pg_create_logical_replication_slot('peer', 'pgoutput')")
                first = at * ROWS + 1
                connection.execute(FILL % (first, first + ROWS - 1))
                [end] = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone() or ("0/0",)
                peers.append(ROWS / _recvlogical(server, end))
                connection.execute("SELECT pg_drop_replication_slot('peer')")
                before, began = processes.own_cpu_s(reader.pid), time.monotonic()
                os.kill(reader.pid, 18)  # SIGCONT
                _wait_confirmed(connection, end)
                ours.append(ROWS / (time.monotonic() - began))
                cpu.append(1e6 * (processes.own_cpu_s(reader.pid) - before) / ROWS)
            _print(peers, ours, cpu, processes.peak_mb(reader.pid))
    return 0


@contextmanager
def _reader(server: PostgresServer, broker: KafkaServer) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")} | {
        "ROWFERRY_DATABASE_URL": server.dsn,
        "ROWFERRY_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "ROWFERRY_HTTP__HOST": "127.0.0.1",
        "ROWFERRY_HTTP__PORT": "0",
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "-m", "cdc_reader", "run"], env=environment, stderr=log)
        try:
            yield process
        finally:
            os.kill(process.pid, 18)
            process.terminate()
            process.wait(30)


def _wait_streaming(connection: psycopg.Connection[tuple[object, ...]], reader: subprocess.Popen[bytes]) -> None:
    [here] = connection.execute("SELECT pg_logical_emit_message(true, 'bench', 'begin')::text").fetchone() or ("0/0",)
    while (
        reader.poll() is None and not connection.execute("SELECT 1 FROM pg_replication_slots WHERE active").fetchone()
    ):
        time.sleep(0.05)
    _wait_confirmed(connection, str(here))


def _wait_confirmed(connection: psycopg.Connection[tuple[object, ...]], lsn: str) -> None:
    """Until the reader has confirmed a transaction behind `lsn`: all before it is durable in Kafka."""
    connection.execute("SELECT pg_logical_emit_message(true, 'bench', 'end')")
    deadline = time.monotonic() + _WAIT_S
    question = "SELECT 1 FROM pg_replication_slots WHERE slot_name = 'rowferry' AND confirmed_flush_lsn >= %s::pg_lsn"
    while not connection.execute(question, (lsn,)).fetchone():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: expected the reader to reach {lsn} within {_WAIT_S:g} s")
        time.sleep(0.01)


def _recvlogical(server: PostgresServer, end: str) -> float:
    """Seconds that `pg_recvlogical` needs up to `end`."""
    command = [
        str(Path(server.bin_dir) / "pg_recvlogical"), "--dbname", server.dsn, "--slot", "peer", "--start", "--no-loop",
        "--file", "/dev/null", "--endpos", end, "--status-interval", "1",
        "--option", "proto_version=1", "--option", "publication_names=peer", "--option", "binary=true",
    ]  # fmt: skip
    began = time.monotonic()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=_WAIT_S)
    return time.monotonic() - began


def _print(peers: list[float], ours: list[float], cpu: list[float], peak_mb: int) -> None:
    peer, own = statistics.median(peers), statistics.median(ours)
    load = os.getloadavg()[0]
    print(f"{ROWS} rows of 12 columns in one transaction, {ROUNDS} rounds in turn, load average {load:.1f}")
    print("| | rows/s (median) | min - max | ratio | reader CPU, us/row | peak memory, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(f"| pg_recvlogical, binary, to /dev/null | {peer:,.0f} | {min(peers):,.0f} - {max(peers):,.0f} | 1 | | |")
    print(
        f"| cdc-reader, Avro, exactly once | {own:,.0f} | {min(ours):,.0f} - {max(ours):,.0f} | {own / peer:.2f} "
        f"| {statistics.median(cpu):.1f} | {peak_mb} |"
    )


if __name__ == "__main__":
    sys.exit(main())
