"""
What the live workload does next: which kind of transaction, on which rows.

Rule 1: each worker changes rows of its own alone (every n-th of those found, and those that it inserted), so workers
        do not wait for one another; the one exception are the answers that follow a question's key or deletion.
Rule 2: a row that others refer to by a constraint is never deleted or given another key, unless the constraint
        carries that over.
Rule 3: what a worker plans follows from the seed and the rows found at the start.

Running it, at which pace and for how long, is left to `workload`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from devstack.sample import statements
from devstack.sample.draws import Draws, seed_of
from devstack.sample.file_statements import change_file
from devstack.sample.model import Table
from devstack.sample.rows import Sample
from devstack.sample.statements import BEGIN, COMMIT, ROLLBACK, Key, Statement

CHANGED = (
    *("photos",) * 4,
    *("drawing_revisions",) * 3,
    *("rfis", "rfi_responses", "punch_items", "observations", "inspection_items", "tasks") * 2,
    *("manpower_logs", "weather_logs", "timesheets", "budget_line_items", "payments", "documents"),
    *("correspondence", "equipment", "meeting_attendees", "forms", "specification_sections", "wbs_codes"),
)
"""Tables that are inserted into and updated; one named twice is chosen twice as often."""

KEPT = frozenset({"specification_sections", "wbs_codes"})
"""Those of them whose rows are neither deleted nor given another key: constraints refer to them (rule 2)."""

TRUNCATED = "notifications"
MARKER = "activity_log"
EXCLUDED = "sync_events"
TABLES = tuple(dict.fromkeys((*CHANGED, TRUNCATED, MARKER, EXCLUDED)))
WITH_FILES = (
    *("photos", "drawing_revisions", "documents", "rfis", "rfi_responses", "punch_items", "observations"),
    *("inspection_items", "specification_sections"),
)
"""Those of them whose rows refer to files."""

LARGE = ("specification_sections", "drawing_revisions", "correspondence")

KINDS = {
    "insert": 230,
    "update": 260,
    "file_change": 60,
    "update_beside_large": 70,
    "update_large": 4,
    "delete": 90,
    "key_change": 50,
    "multi_table": 66,
    "same_row": 30,
    "savepoint": 40,
    "rolled_back": 30,
    "marker": 70,
}
"""How many of a thousand transactions are of each kind; `truncate` comes once."""

_LOTTERY = tuple(kind for kind, share in KINDS.items() for _ in range(share))
# New rows are numbered from this far behind those found, past what an earlier run left unseen or undone.
_NUMBERS_LEFT_OUT = 10_000
# A table is not emptied further than this by one worker.
_FEWEST_ROWS = 2
_TRUNCATE_AT = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """The keys that the tables hold at the start, and which of them belong to rows with a large text."""

    keys: Mapping[str, Sequence[Key]]
    large: Mapping[str, Sequence[Key]]


@dataclass(frozen=True, slots=True)
class Transaction:
    """Statements that are run together; `commits` is false when the last one undoes them."""

    kind: str
    statements: tuple[Statement, ...]
    commits: bool = True


class WorkerPlan:
    """The transactions of one of several workers, one after the other."""

    def __init__(self, sample: Sample, found: Found, *, worker: int, workers: int) -> None:
        first = _first_number(sample, found)
        self._sample = sample
        self._worker, self._workers = worker, workers
        self._number = first + worker
        self._draws = Draws(seed_of("workload", worker, first))
        self._live = {name: list(found.keys[name][worker::workers]) for name in TABLES}
        own = {name: set(self._live[name]) for name in LARGE}
        self._large = [(name, key) for name in LARGE for key in found.large[name] if key in own[name]]
        self._free_pairs: list[Key] = []
        self._truncated = worker != 0
        self._planners: dict[str, Callable[[], Transaction]] = {
            "insert": self._insert,
            "update": self._update,
            "update_beside_large": self._update_beside_large,
            "update_large": self._update_large,
            "file_change": self._file_change,
            "delete": self._delete,
            "key_change": self._key_change,
            "multi_table": self._multi_table,
            "same_row": self._same_row,
            "savepoint": self._savepoint,
            "rolled_back": self._rolled_back,
            "marker": self._marker,
        }

    def next(self, share_done: float) -> Transaction:
        """Return the next transaction, when so much (0 to 1) of the whole run is done."""
        if not self._truncated and share_done >= _TRUNCATE_AT:
            self._truncated = True
            return self._truncate()
        return self._planners[self._draws.one_of(_LOTTERY)]()

    # --- one statement ---

    def _insert(self) -> Transaction:
        return Transaction("insert", (self._insert_into(self._table_to_insert()),))

    def _update(self) -> Transaction:
        name = self._table_to_update()
        if (key := self._any_key(name)) is None:
            return self._insert()
        return Transaction("update", (self._update_of(name, key),))

    def _update_beside_large(self) -> Transaction:
        if not self._large:
            return self._update()
        name, key = self._draws.one_of(self._large)
        return Transaction("update_beside_large", (self._update_of(name, key),))

    def _update_large(self) -> Transaction:
        if not self._large:
            return self._update()
        name, key = self._draws.one_of(self._large)
        statement = statements.update_large(self._sample.table(name), key, self._next_number())
        return Transaction("update_large", (statement,))

    def _file_change(self) -> Transaction:
        name = self._draws.one_of(WITH_FILES)
        if (key := self._any_key(name)) is None:
            return self._insert()
        number = self._next_number() // self._workers
        return Transaction("file_change", (change_file(self._sample, self._sample.table(name), key, number),))

    def _delete(self) -> Transaction:
        name = self._table_to_delete()
        if (key := self._take(name)) is None:
            return self._insert()
        return Transaction("delete", (statements.delete(self._sample.table(name), key),))

    def _key_change(self) -> Transaction:
        name = self._table_to_delete()
        table = self._sample.table(name)
        new = self._new_key(table)
        if new is None or (old := self._take(name)) is None:
            return self._update()
        if _is_pair(table):
            self._free_pairs.remove(new)
        self._live[name].append(new)
        return Transaction("key_change", (statements.change_key(table, old, new),))

    def _marker(self) -> Transaction:
        number = self._next_number()
        said = {"origin": f"workload-{self._worker}", "action": "workload", "sequence": str(number)}
        statement = statements.insert(self._sample, self._sample.table(MARKER), number, {**said})
        return Transaction("marker", (statement,))

    # --- several statements ---

    def _truncate(self) -> Transaction:
        self._live[TRUNCATED].clear()
        inserts = tuple(self._insert_into(TRUNCATED) for _ in range(5))
        emptied = statements.truncate(self._sample.table(TRUNCATED))
        return Transaction("truncate", (BEGIN, emptied, *inserts, COMMIT))

    def _multi_table(self) -> Transaction:
        question = self._insert_into("rfis")
        rfi_id = self._live["rfis"][-1][0]
        answers = [self._insert_into("rfi_responses", rfi_id=rfi_id) for _ in range(self._draws.between(1, 3))]
        excluded = statements.insert(self._sample, self._sample.table(EXCLUDED), self._next_number())
        others = [
            self._update_of(name, key)
            for name in ("punch_items", "weather_logs", "photos")
            if (key := self._any_key(name)) is not None
        ]
        return Transaction("multi_table", (BEGIN, question, *answers, excluded, *others, COMMIT))

    def _same_row(self) -> Transaction:
        """Write one row several times: deleted and inserted again, or inserted and gone within the transaction."""
        table = self._sample.table("photos")
        number = self._next_number()
        key = self._any_key("photos")
        if key is not None and self._draws.below(2):
            again = statements.insert(self._sample, table, number, dict(zip(table.primary_key, key, strict=True)))
            once_more = self._update_of("photos", key)
            return Transaction("same_row", (BEGIN, statements.delete(table, key), again, once_more, COMMIT))
        new = self._sample.key("photos", number)
        inserted = statements.insert(self._sample, table, number)
        changes = (inserted, self._update_of("photos", new), statements.delete(table, new))
        return Transaction("same_row", (BEGIN, *changes, COMMIT))

    def _savepoint(self) -> Transaction:
        """Keep one change, undo one to a savepoint, keep another one."""
        first = self._insert_into("tasks")
        undone = statements.insert(self._sample, self._sample.table("payments"), self._next_number())
        last = self._insert_into("observations")
        inner = (Statement("SAVEPOINT inner_one"), undone, Statement("ROLLBACK TO SAVEPOINT inner_one"))
        kept = (Statement("SAVEPOINT inner_two"), last, Statement("RELEASE SAVEPOINT inner_two"))
        return Transaction("savepoint", (BEGIN, first, *inner, *kept, COMMIT))

    def _rolled_back(self) -> Transaction:
        """Change much and undo it all; what this worker knows of its rows stays as it was."""
        inserted = statements.insert(self._sample, self._sample.table("photos"), self._next_number())
        changes = [inserted]
        for name in ("punch_items", "timesheets"):
            if (key := self._any_key(name)) is not None:
                changes += (self._update_of(name, key), statements.delete(self._sample.table(name), key))
        return Transaction("rolled_back", (BEGIN, *changes, ROLLBACK), commits=False)

    # --- rows ---

    def _insert_into(self, name: str, **replaced: str) -> Statement:
        table, number = self._sample.table(name), self._next_number()
        key = self._sample.key(name, number)
        if _is_pair(table):
            key = self._free_pairs.pop()
            replaced.update(zip(table.primary_key, key, strict=True))
        if name == "rfi_responses" and "rfi_id" not in replaced:
            replaced["rfi_id"] = self._draws.one_of(self._live["rfis"])[0]
        self._live[name].append(key)
        return statements.insert(self._sample, table, number, {**replaced})

    def _update_of(self, name: str, key: Key) -> Statement:
        return statements.update(self._sample, self._sample.table(name), key, self._next_number())

    def _table_to_update(self) -> str:
        """Choose any of the tables; the one that is emptied belongs to the first worker alone."""
        if self._worker == 0 and self._draws.below(20) == 0:
            return TRUNCATED
        return self._draws.one_of(CHANGED)

    def _table_to_delete(self) -> str:
        while (name := self._table_to_update()) in KEPT:
            pass
        return name

    def _table_to_insert(self) -> str:
        while (name := self._table_to_update()) in self._full():
            pass
        return name

    def _full(self) -> set[str]:
        """Return the tables into which nothing can be inserted now, for want of what the row must refer to."""
        full = set() if self._free_pairs else {"meeting_attendees"}
        return full if self._live["rfis"] else full | {"rfi_responses"}

    def _any_key(self, name: str) -> Key | None:
        return self._draws.one_of(self._live[name]) if self._live[name] else None

    def _take(self, name: str) -> Key | None:
        """Remove and return one of the worker's keys, but for the last few."""
        keys = self._live[name]
        if len(keys) <= _FEWEST_ROWS:
            return None
        place = self._draws.below(len(keys))
        keys[place], keys[-1] = keys[-1], keys[place]
        key = keys.pop()
        if _is_pair(self._sample.table(name)):
            self._free_pairs.append(key)
        self._large = [entry for entry in self._large if entry != (name, key)]
        return key

    def _new_key(self, table: Table) -> Key | None:
        if _is_pair(table):
            return self._draws.one_of(self._free_pairs) if self._free_pairs else None
        number = self._next_number()
        return (f"EQ/{number}, é%",) if table.name == "equipment" else self._sample.key(table.name, number)

    def _next_number(self) -> int:
        self._number += self._workers
        return self._number


def _is_pair(table: Table) -> bool:
    """Tell whether the key is made of two references, so that new ones cannot be counted on."""
    return table.name == "meeting_attendees"


def _first_number(sample: Sample, found: Found) -> int:
    """Return a row number behind all that the tables with counted keys hold."""
    numbers = [0]
    for name in TABLES:
        table = sample.table(name)
        if table.column(table.primary_key[0]).base_type in {"bigint", "integer"} and len(table.primary_key) == 1:
            numbers += (int(key[0]) - table.first_key for key in found.keys[name])
    return max(numbers) + _NUMBERS_LEFT_OUT
