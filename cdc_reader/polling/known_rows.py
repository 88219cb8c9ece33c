"""
Edge: what the topic of a polled table holds, key by key, in a SQLite file (rule L1).

A delete is a key that the topic has and the table has not. Keys come from the topic in the order of its partitions and
from the table in the order of its key, so that the two cannot be merged as they come; and neither is kept in memory.

The file is fed from the topic alone, never from what is about to be published, and says up to which offsets: so it is
right whatever became of a Kafka transaction, and may be lost at any time.

Keeps: L1.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from cdc_reader.remedies import UNUSABLE_FOLDER
from cdc_runtime.consuming.records import Record
from schemas.errors import FatalError, RecordError
from schemas.keys import FLOOR_KEY
from schemas.row_digests import HEADER_DIGEST
from schemas.tombstones import peek_version

T = TypeVar("T")
_CACHE_KIB = 8 * 1024
_AT_ONCE = 500
_TABLES = """
CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, version INTEGER, digest BLOB, seen INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offsets (partition INTEGER PRIMARY KEY, next INTEGER);
"""


class KnownRows:
    """The rows of one topic; raises `FatalError` when SQLite fails.

    One thread at a time: whoever uses it holds `alone`, so that nobody comes between what belongs together.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.alone = threading.RLock()
        with _translating(path):
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.executescript(
                f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{_CACHE_KIB}; {_TABLES}"
            )

    def next_offsets(self) -> dict[int, int]:
        """Up to where the topic was read, by partition; empty when it was not."""
        with _translating(self._path):
            return dict(self._database.execute("SELECT partition, next FROM offsets"))

    def take(self, records: Iterable[Record], next_offsets: Mapping[int, int]) -> None:
        """Take what the topic says, up to these offsets."""
        with self._transaction() as database:
            for record in records:
                if record.key is None or record.key == FLOOR_KEY:
                    continue
                if record.value is None:
                    database.execute("DELETE FROM rows WHERE key = ?", (record.key,))
                else:
                    row = (record.key, _version(record.value), record.header(HEADER_DIGEST))
                    database.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, 0)", row)
            database.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?)", list(next_offsets.items()))

    def forget_below(self, version: int) -> None:
        """Forget rows that a sweep has taken out."""
        with self._transaction() as database:
            database.execute("DELETE FROM rows WHERE version < ?", (version,))

    def count(self) -> int:
        """How many rows there are."""
        with _translating(self._path):
            return int(self._database.execute("SELECT count(*) FROM rows").fetchone()[0])

    def compare(self, rows: Sequence[tuple[bytes, bytes]], poll: int, *, since: int = 0) -> list[bool | None]:
        """For each key and digest whether it differs from what the topic holds; None where that has no such row.

        They were seen by this poll. What is older than version `since` does not count.
        """
        found: list[bool | None] = []
        for some in _parts(rows, _AT_ONCE):
            known = self.seen([key for key, _ in some], poll, since=since)
            found += [None if key not in known else known[key] != digest for key, digest in some]
        return found

    def seen(self, keys: Sequence[bytes], poll: int, *, since: int = 0) -> dict[bytes, bytes | None]:
        """The digests of these keys, as far as they are known since a version; they were seen by this poll."""
        known: dict[bytes, bytes | None] = {}
        with self._transaction() as database:
            for some in _parts(keys, _AT_ONCE):
                marks = ",".join("?" * len(some))
                query = f"SELECT key, digest FROM rows WHERE key IN ({marks}) AND version >= ?"
                known.update(database.execute(query, (*some, since)))
                database.execute(f"UPDATE rows SET seen = ? WHERE key IN ({marks})", (poll, *some))
        return known

    def missing(self, poll: int) -> int:
        """How many rows this poll has not seen."""
        with _translating(self._path):
            return int(self._database.execute("SELECT count(*) FROM rows WHERE seen <> ?", (poll,)).fetchone()[0])

    def missing_keys(self, poll: int, after: bytes | None, most: int) -> list[bytes]:
        """The next keys behind `after` that this poll has not seen."""
        with _translating(self._path):
            query = "SELECT key FROM rows WHERE seen <> ? AND key > ? ORDER BY key LIMIT ?"
            return [key for (key,) in self._database.execute(query, (poll, after or b"", most))]

    def close(self) -> None:
        """Free the file."""
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _translating(self._path):
            self._database.execute("BEGIN")
            try:
                yield self._database
            finally:
                self._database.execute("COMMIT")


def _version(value: bytes) -> int:
    """Of an event that cannot be read: it is older than any that can."""
    try:
        return peek_version(value)
    except RecordError:
        return 0


def _parts(items: Sequence[T], most: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, most)):
        yield some


@contextmanager
def _translating(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise FatalError(
            f"expected a folder that the keys of polled tables can be kept in, SQLite says of {path}: {exc}",
            remedy=UNUSABLE_FOLDER,
        ) from exc
