"""
Runs the live workload: several connections, a given rate of transactions, a given time, or until told to stop.

What the transactions are is decided in `workload_plan`. Rows of `activity_log` carry the server's clock at their
writing (`written_at`, with `origin` like `workload-%`): the time from there to a topic or to the index is the latency.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from devstack.sample.database import Connection, as_ours, connected
from devstack.sample.ddl import identifier
from devstack.sample.model import Table
from devstack.sample.objects.links import ObjectStore
from devstack.sample.rows import Sample, Size
from devstack.sample.statements import large_column
from devstack.sample.workload_plan import LARGE, TABLES, Found, Transaction, WorkerPlan
from schemas.errors import FatalError, RowferryError

_APPLICATION = "rowferry-sample-workload"
_TRIES = 5
# A text of this size is stored out of line, whatever it is compressed to.
_LARGE_BYTES = 50_000


@dataclass(frozen=True, slots=True)
class Workload:
    """How much of it: transactions per second over all connections, and for how long; `store` as it was loaded."""

    size: Size = field(default_factory=Size)
    rate_per_s: float = 500.0
    seconds: float = 20.0
    connections: int = 3
    store: ObjectStore | None = None


@dataclass(frozen=True, slots=True)
class WorkloadReport:
    """What was done: transactions by kind (those rolled back among them), and how many had to be tried again."""

    transactions: dict[str, int]
    retried: int
    seconds: float

    @property
    def total(self) -> int:
        """All transactions."""
        return sum(self.transactions.values())

    @property
    def rate_per_s(self) -> float:
        """Transactions per second that were reached."""
        return self.total / self.seconds if self.seconds else 0.0


def run(dsn: str, workload: Workload, *, stop: threading.Event | None = None) -> WorkloadReport:
    """
    Change a loaded sample; blocks until the time is over or `stop` is set, whichever comes first.

    The size must be the one that was loaded. May be called again on the same database, not twice at once.
    Raises Unreachable, AccessDenied, or FatalError when a statement is refused.
    """
    sample = Sample(workload.size, workload.store)
    with connected(dsn, application_name=_APPLICATION) as connection:
        found = _find(connection, sample)
    shared = _Shared(workload, stop or threading.Event())
    workers = [
        threading.Thread(target=_work, args=(dsn, shared, sample, found), kwargs={"worker": number}, daemon=True)
        for number in range(workload.connections)
    ]
    with _joined(workers, shared):
        for worker in workers:
            worker.start()
    if shared.failures:
        raise shared.failures[0]
    return WorkloadReport(dict(sorted(shared.done.items())), shared.retried, time.monotonic() - shared.began)


class _Shared:
    """What the workers share: the clock, the order to stop, the counts."""

    def __init__(self, workload: Workload, stop: threading.Event) -> None:
        self.workload = workload
        self.began = time.monotonic()
        self.failures: list[RowferryError] = []
        self.done: Counter[str] = Counter()
        self.retried = 0
        self._stop = stop
        self._failed = threading.Event()
        self._lock = threading.Lock()

    def wait_until(self, due: float) -> bool:
        """Wait until so many seconds after the start; False when the run is over."""
        due = min(self.workload.seconds, due)
        while (left := self.began + due - time.monotonic()) > 0:
            # Two events may end the run: look at the second one a few times a second.
            if self._stop.wait(min(left, 0.2)) or self._failed.is_set():
                return False
        return not (self._stop.is_set() or self._failed.is_set() or self.elapsed >= self.workload.seconds)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def count(self, kind: str, tries: int) -> None:
        with self._lock:
            self.done[kind] += 1
            self.retried += tries - 1

    def fail(self, error: RowferryError) -> None:
        with self._lock:
            self.failures.append(error)
        self._failed.set()

    def halt(self) -> None:
        self._failed.set()


@contextmanager
def _joined(workers: list[threading.Thread], shared: _Shared) -> Iterator[None]:
    """Wait for the workers in the end; an interruption ends them first."""
    try:
        yield
        for worker in workers:
            worker.join()
    except BaseException:
        shared.halt()
        for worker in workers:
            if worker.ident is not None:
                worker.join()
        raise


def _find(connection: Connection, sample: Sample) -> Found:
    """Read the keys of the tables that will be changed."""
    tables = [sample.table(name) for name in TABLES]
    keys = {table.name: _keys(connection, table, "true") for table in tables}
    large = {name: _large_keys(connection, sample.table(name)) for name in LARGE}
    if not all(keys[table.name] for table in tables):
        empty = [table.name for table in tables if not keys[table.name]]
        raise FatalError(f"expected a loaded sample, got no rows in {', '.join(empty)}")
    return Found(keys, large)


def _large_keys(connection: Connection, table: Table) -> list[tuple[str, ...]]:
    column = large_column(table)
    return _keys(connection, table, f"octet_length({identifier(column.name)}) > {_LARGE_BYTES}") if column else []


def _keys(connection: Connection, table: Table, condition: str) -> list[tuple[str, ...]]:
    columns = [identifier(name) for name in table.primary_key]
    selected, order = ", ".join(f"{name}::text" for name in columns), ", ".join(columns)
    query = f"SELECT {selected} FROM {identifier(table.name)} WHERE {condition} ORDER BY {order}"
    return [tuple(row) for row in connection.execute(query.encode()).fetchall()]


def _work(dsn: str, shared: _Shared, sample: Sample, found: Found, *, worker: int) -> None:
    """Run one worker's transactions at its share of the rate."""
    workload = shared.workload
    plan = WorkerPlan(sample, found, worker=worker, workers=workload.connections)
    number = worker
    try:
        with connected(dsn, application_name=_APPLICATION) as connection:
            connection.execute("SET statement_timeout = '30s'")
            connection.prepare_threshold = 2
            while shared.wait_until(number / workload.rate_per_s):
                transaction = plan.next(shared.elapsed / workload.seconds)
                shared.count(transaction.kind, _run(connection, transaction))
                number += workload.connections
    except RowferryError as exc:
        shared.fail(exc)


def _run(connection: Connection, transaction: Transaction) -> int:
    """Run a transaction, again when the server asks for that; return how often it was tried."""
    for tries in range(1, _TRIES + 1):
        try:
            _send(connection, transaction)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as exc:
            connection.rollback()
            if tries == _TRIES:
                raise as_ours(exc) from exc
        else:
            break
    return tries


def _send(connection: Connection, transaction: Transaction) -> None:
    if len(transaction.statements) == 1:
        only = transaction.statements[0]
        connection.execute(only.sql.encode(), only.parameters)
        return
    with connection.pipeline():
        for statement in transaction.statements:
            connection.execute(statement.sql.encode(), statement.parameters or None)
