"""The rules of the workload's plan."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from devstack.sample.rows import Sample, Size
from devstack.sample.tables import ALL
from devstack.sample.workload_plan import (
    CHANGED,
    KEPT,
    KINDS,
    LARGE,
    TABLES,
    TRUNCATED,
    Found,
    Transaction,
    WorkerPlan,
)

SAMPLE = Sample(Size(factor=0.1))
WORKERS = 3


def found(sample: Sample = SAMPLE) -> Found:
    keys = {name: [sample.key(name, number) for number in range(sample.count(name))] for name in TABLES}
    return Found(keys, {name: keys[name][5:8] for name in LARGE})


def transactions(worker: int, count: int = 3000, sample: Sample = SAMPLE) -> list[Transaction]:
    plan = WorkerPlan(sample, found(sample), worker=worker, workers=WORKERS)
    return [plan.next(number / count) for number in range(count)]


def test_shares_of_the_kinds_add_up_to_a_thousand() -> None:
    assert sum(KINDS.values()) == 1000


def test_every_kind_comes_and_truncate_once_after_half_the_time() -> None:
    kinds = [transaction.kind for transaction in transactions(0)]
    assert set(kinds) == {*KINDS, "truncate"}
    assert [place for place, kind in enumerate(kinds) if kind == "truncate"] == [1500]


def test_only_the_first_worker_touches_the_table_that_is_emptied() -> None:
    for worker in (1, 2):
        touched = " ".join(s.sql for t in transactions(worker) for s in t.statements)
        assert TRUNCATED not in touched


def test_inserts_follow_the_truncate_in_its_transaction() -> None:
    truncate = next(t for t in transactions(0) if t.kind == "truncate")
    words = [statement.sql.split(" (")[0] for statement in truncate.statements]
    assert words == ["BEGIN", "TRUNCATE notifications", *["INSERT INTO notifications"] * 5, "COMMIT"]


def test_plan_follows_from_the_rows_found() -> None:
    assert transactions(1, 200) == transactions(1, 200)
    assert transactions(1, 200) != transactions(1, 200, Sample(Size(factor=0.05)))


def test_workers_write_rows_of_their_own() -> None:
    """A row that one worker updates, deletes or gives another key is never such a row of another worker."""
    owned: list[set[tuple[str, str]]] = []
    for worker in range(WORKERS):
        rows = set()
        for transaction in transactions(worker):
            for statement in transaction.statements:
                if match := re.match(r"(?:UPDATE|DELETE FROM) (\w+) .*WHERE id = %s$", statement.sql):
                    rows.add((match[1], statement.parameters[-1] or ""))
        owned.append(rows)
    assert all(owned)
    assert not owned[0] & owned[1] | owned[0] & owned[2] | owned[1] & owned[2]


def test_rows_that_others_refer_to_keep_their_keys() -> None:
    for table in ALL:
        for reference in table.foreign_keys:
            if reference.target in set(CHANGED) - KEPT:
                assert reference.actions == "ON UPDATE CASCADE ON DELETE CASCADE", (table.name, reference)


def test_transaction_of_several_statements_is_closed() -> None:
    for transaction in transactions(0):
        if len(transaction.statements) > 1:
            assert transaction.statements[0].sql == "BEGIN"
            assert transaction.statements[-1].sql == ("COMMIT" if transaction.commits else "ROLLBACK")


def test_new_rows_have_numbers_behind_all_that_were_found() -> None:
    inserted = [
        int(statement.parameters[0] or 0)
        for transaction in transactions(2)
        for statement in transaction.statements
        if statement.sql.startswith("INSERT INTO tasks ")
    ]
    assert len(set(inserted)) == len(inserted)
    assert min(inserted) > 10_000


@pytest.mark.parametrize("name", ["photos", "meeting_attendees", "equipment", "correspondence"])
def test_keys_of_every_sort_are_changed(name: str) -> None:
    changed = Counter(
        statement.sql.split(" ")[1]
        for worker in range(WORKERS)
        for transaction in transactions(worker)
        if transaction.kind == "key_change"
        for statement in transaction.statements
    )
    assert changed[name] > 0


def test_smallest_sample_is_changed_too() -> None:
    kinds = Counter(t.kind for t in transactions(0, 1000, Sample(Size(factor=0.0001))))
    assert kinds["insert"] > 0
    assert kinds["delete"] > 0
