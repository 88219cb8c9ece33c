"""
Edge: which references each row holds, on disk (rule F2); rebuilt from the topics when it is lost.

Rule 1: of two records of a row the greater (`row_version`, `revision`) is kept; an end wins at its own version.
Rule 2: a retry is kept only while its row holds the reference as waiting for just this one (version and attempt).
Rule 3: what `apply` is given happens together, or not at all.

Nothing is kept in memory. Leaves to others: what a row's event leads to, and whose partitions these are.

Keeps: F2, V9.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from file_fetcher.references.changes import Ended, Holds, NoLongerWaits, StateChange, Waits
from file_fetcher.references.database import Connection, LocalDatabase
from file_fetcher.references.positions import ReadPosition
from file_fetcher.references.retries import Retry
from schemas.file_state import FORMAT, HeldFile, HeldRecord, State

_VERSION = 1000 * FORMAT + 1
# A table and the number of a partition of its topic.
RowPartition = tuple[str, int]
_STATEMENTS = (
    """CREATE TABLE records (
        record_id TEXT PRIMARY KEY, tab TEXT NOT NULL, part INTEGER NOT NULL, row_version INTEGER NOT NULL,
        revision INTEGER NOT NULL, seen INTEGER NOT NULL, value BLOB NOT NULL)""",
    "CREATE INDEX records_of_places ON records (tab, part, record_id, row_version)",
    # The references in state RETRYING; without a retry, `due_ms` and what follows is NULL.
    """CREATE TABLE waiting (
        file_id TEXT PRIMARY KEY, record_id TEXT NOT NULL, tab TEXT NOT NULL, part INTEGER NOT NULL,
        version INTEGER NOT NULL, attempt INTEGER NOT NULL, since_ms INTEGER NOT NULL,
        due_ms INTEGER, topic TEXT, key BLOB, value BLOB)""",
    "CREATE INDEX waiting_of_records ON waiting (record_id)",
    "CREATE INDEX waiting_of_places ON waiting (tab, part, due_ms, file_id, since_ms)",
    """CREATE TABLE positions (
        topic TEXT NOT NULL, part INTEGER NOT NULL, topic_id TEXT NOT NULL, next_offset INTEGER NOT NULL,
        read_ms INTEGER NOT NULL, PRIMARY KEY (topic, part))""",
    "CREATE TABLE readings (number INTEGER NOT NULL)",
    "INSERT INTO readings VALUES (0)",
)
# Partition by partition, so that the index is used to its end.
_OF_PARTITIONS = (
    "FROM json_each(?) AS wanted CROSS JOIN waiting AS w "
    "ON w.tab = json_extract(wanted.value, '$[0]') AND w.part = json_extract(wanted.value, '$[1]')"
)
ALL_VERSIONS = 2**63 - 1  # a bound above every version of a row
_RETRY = "file_id, record_id, tab, part, version, attempt, due_ms, topic, key, value"


class ReferenceStore:
    """
    The references of rows, and the retries they wait for. May be used by several threads; to be closed.

    Raises `SettingsError` when the folder cannot be used or another process uses it, `FatalError` when SQLite fails.
    """

    def __init__(self, folder: Path) -> None:
        self._database = LocalDatabase(folder, "references", _STATEMENTS, version=_VERSION)

    def close(self) -> None:
        """Make everything durable, free the folder; may be called twice."""
        self._database.close()

    def get(self, record_id: str) -> HeldRecord | None:
        """What a row holds; None when it holds nothing."""
        rows = self._database.rows("SELECT value FROM records WHERE record_id = ?", (record_id,))
        return HeldRecord.from_json(rows[0][0]) if rows else None

    def apply(self, changes: Iterable[StateChange]) -> None:
        """Take changes, in their order except that retries come last: they need to know what waits for them."""
        retries: list[Waits | NoLongerWaits] = []
        with self._database.transaction() as connection:
            (reading,) = connection.execute("SELECT number FROM readings").fetchone()
            for change in changes:
                if isinstance(change, Holds):
                    _hold(connection, change.record, reading)
                elif isinstance(change, Ended):
                    _end(connection, change)
                else:
                    retries.append(change)
            for retry in retries:
                if isinstance(retry, Waits):
                    _wait(connection, retry.retry)
                else:
                    _wait_no_longer(connection, retry)

    def below(self, table: str, partition: int, row_version: int, limit: int, *, after: str = "") -> list[HeldRecord]:
        """Rows of a partition of a table with an older version, in order of their ids, beginning behind `after`."""
        rows = self._database.rows(
            "SELECT value FROM records WHERE tab = ? AND part = ? AND record_id > ? AND row_version < ? "
            "ORDER BY record_id LIMIT ?",
            (table, partition, after, row_version, limit),
        )
        return [HeldRecord.from_json(value) for (value,) in rows]

    def due(
        self, now_ms: int, partitions: Collection[RowPartition], limit: int, *, besides: Collection[str] = ()
    ) -> list[Retry]:
        """
        Retries of rows of these partitions whose time has come, the oldest first; they stay until a change ends them.

        `besides`: ids of files that are left out.
        """
        rows = self._database.rows(
            f"SELECT {_RETRY} FROM waiting WHERE file_id IN (SELECT w.file_id {_OF_PARTITIONS} WHERE w.due_ms <= ? "
            "AND w.file_id NOT IN (SELECT value FROM json_each(?)) "
            "ORDER BY w.due_ms, w.file_id LIMIT ?) ORDER BY due_ms, file_id",
            (json.dumps(list(partitions)), now_ms, json.dumps(list(besides)), limit),
        )
        return [Retry(*row) for row in rows]

    def waiting(self, partitions: Collection[RowPartition]) -> tuple[int, int | None]:
        """How many references of these partitions wait for a retry, and since when the oldest."""
        rows = self._database.rows(
            f"SELECT count(*), min(w.since_ms) {_OF_PARTITIONS}", (json.dumps(list(partitions)),)
        )
        count, oldest_ms = rows[0]
        return count, oldest_ms

    def lost_retries(self, partitions: Collection[RowPartition], limit: int) -> list[tuple[str, str, HeldFile]]:
        """References of these partitions that wait for a retry of which nothing is left: table, row and file."""
        rows = self._database.rows(
            f"SELECT w.record_id, w.file_id {_OF_PARTITIONS} WHERE w.due_ms IS NULL ORDER BY w.file_id LIMIT ?",
            (json.dumps(list(partitions)), limit),
        )
        lost: dict[str, set[str]] = {}
        for record_id, file_id in rows:
            lost.setdefault(record_id, set()).add(file_id)
        # One row after the other: each may hold thousands.
        held = (record for record in map(self.get, lost) if record is not None)
        return [
            (record.table, record.record_id, file)
            for record in held
            for file in record.files
            if file.file_id in lost[record.record_id]
        ]

    def lost(self, record_id: str) -> frozenset[str]:
        """The ids of a row's files that wait for a retry of which nothing is left."""
        rows = self._database.rows("SELECT file_id FROM waiting WHERE record_id = ? AND due_ms IS NULL", (record_id,))
        return frozenset(file_id for (file_id,) in rows)

    def positions(self, topic: str) -> dict[int, ReadPosition]:
        """How far each partition of a topic is known."""
        rows = self._database.rows(
            "SELECT part, topic_id, next_offset, read_ms FROM positions WHERE topic = ?", (topic,)
        )
        return {partition: ReadPosition(*rest) for partition, *rest in rows}

    def set_position(self, topic: str, partition: int, position: ReadPosition) -> None:
        """Remember how far a partition of a topic is known."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)", (topic, partition, *position))

    def begin_reading(self, topic: str, partitions: Iterable[int]) -> int:
        """Forget how far these partitions are known; returns the mark that `drop_unseen` needs."""
        with self._database.transaction() as connection:
            for partition in partitions:
                connection.execute("DELETE FROM positions WHERE topic = ? AND part = ?", (topic, partition))
            connection.execute("UPDATE readings SET number = number + 1")
            (mark,) = connection.execute("SELECT number FROM readings").fetchone()
        return int(mark)

    def drop_unseen(self, partition: int, of: int, mark: int) -> int:
        """
        Forget rows of a state partition (`of` so many) of which nothing was said since the mark; returns how many.

        Rows that are at work meanwhile stay as they are: forgetting all and reading again would lose sight of them.
        """
        with self._database.transaction() as connection:
            dropped = connection.execute(
                "DELETE FROM records WHERE part % ? = ? AND seen < ?", (of, partition, mark)
            ).rowcount
            if dropped:
                connection.execute(
                    "DELETE FROM waiting WHERE part % ? = ? AND record_id NOT IN (SELECT record_id FROM records)",
                    (of, partition),
                )
        return dropped


def _hold(connection: Connection, record: HeldRecord, reading: int) -> None:
    found = connection.execute(
        "SELECT row_version, revision FROM records WHERE record_id = ?", (record.record_id,)
    ).fetchone()
    if found is not None and record.order < found:
        connection.execute("UPDATE records SET seen = ? WHERE record_id = ?", (reading, record.record_id))
        return
    connection.execute(
        "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)",
        (record.record_id, record.table, record.partition, *record.order, reading, record.to_json()),
    )
    retrying = {file.file_id: file for file in record.files if file.state is State.RETRYING}
    before = connection.execute(
        "SELECT file_id, version, attempt FROM waiting WHERE record_id = ?", (record.record_id,)
    ).fetchall()
    for file_id, version, attempt in before:
        file = retrying.get(file_id)
        if file is None or (file.version, file.attempt) != (version, attempt):
            connection.execute("DELETE FROM waiting WHERE file_id = ?", (file_id,))
    connection.executemany(
        "INSERT INTO waiting (file_id, record_id, tab, part, version, attempt, since_ms) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (file_id) DO UPDATE SET since_ms = excluded.since_ms",
        [
            (file_id, record.record_id, record.table, record.partition, file.version, file.attempt, file.since_ms)
            for file_id, file in retrying.items()
        ],
    )


def _end(connection: Connection, ended: Ended) -> None:
    gone = connection.execute(
        "DELETE FROM records WHERE record_id = ? AND row_version <= ?", (ended.record_id, ended.row_version)
    ).rowcount
    if gone:
        connection.execute("DELETE FROM waiting WHERE record_id = ?", (ended.record_id,))


def _wait(connection: Connection, retry: Retry) -> None:
    connection.execute(
        "UPDATE waiting SET due_ms = ?, topic = ?, key = ?, value = ? "
        "WHERE file_id = ? AND record_id = ? AND version = ? AND attempt = ?",
        (
            *(retry.due_ms, retry.topic, retry.key, retry.value),
            *(retry.file_id, retry.record_id, retry.row_version, retry.attempt),
        ),
    )


def _wait_no_longer(connection: Connection, change: NoLongerWaits) -> None:
    connection.execute(
        "UPDATE waiting SET due_ms = NULL, topic = NULL, key = NULL, value = NULL "
        "WHERE file_id = ? AND version = coalesce(?, version) AND attempt = coalesce(?, attempt)",
        (change.file_id, change.row_version, change.attempt),
    )
