"""
Edge: the references that rows hold now, from `_file_refs`, counted in a temporary SQLite database on disk.

A topic holds older records of a row until it is compacted: only the newest of each counts. Memory does not grow with
the number of references.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from itertools import islice

from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.unreadable import UNREADABLE
from rowferry.status.files import Ended, Files
from schemas.errors import RecordError
from schemas.file_state import HeldRecord, State
from schemas.tombstones import HEADER_VERSION, deleting_version
from schemas.topics import Topics

_BATCH = 5_000
_READ_TIMEOUT_S = 600.0
_ENDED = 2**63 - 1  # the revision of a tombstone: it ends what its version had
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE rows (id TEXT PRIMARY KEY, version INTEGER, revision INTEGER) WITHOUT ROWID;
CREATE TABLE files (id TEXT, state TEXT, reason TEXT, bytes INTEGER, sha256 TEXT, since INTEGER);
CREATE INDEX files_of_rows ON files (id);
"""
_TAKE = """
INSERT INTO rows VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, revision = excluded.revision
WHERE (excluded.version, excluded.revision) >= (version, revision)
"""
_STATES = "SELECT state, reason, count(*) FROM files GROUP BY state, reason ORDER BY state, reason"
_BYTES = "SELECT coalesce(sum(bytes), 0) FROM files WHERE state = ?"
_CONTENTS = """
SELECT count(*), coalesce(sum(bytes), 0)
FROM (SELECT max(bytes) AS bytes FROM files WHERE state = ? AND sha256 <> '' GROUP BY sha256)
"""
_OLDEST = "SELECT min(since) FROM files WHERE state = ?"


def read_files(settings: KafkaSettings) -> Files | None:
    """All references; None before a fetcher has run. Raises `Unreachable`."""
    admin, topic = KafkaAdmin(settings), Topics(settings.prefix).file_refs
    if admin.topic_id(topic) is None:
        return None
    with closing(HeldFiles()) as held:
        held.take(read_to_end(settings, topic, admin=admin, timeout_s=_READ_TIMEOUT_S))
        return held.files()


class HeldFiles:
    """What rows hold, by their records. To be used by one thread, and closed."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def take(self, records: Iterable[Record]) -> None:
        """Enter records of the topic; what is none is told, and passed over."""
        rest = iter(records)
        while batch := list(islice(rest, _BATCH)):
            self._database.execute("BEGIN")
            for record in batch:
                try:
                    self._take(record)
                except RecordError as exc:
                    UNREADABLE.passed_over(record, exc, "its row is not counted")
            self._database.execute("COMMIT")

    def files(self) -> Files:
        """What was counted."""
        states = self._database.execute(_STATES).fetchall()
        contents, content_bytes = self._database.execute(_CONTENTS, [State.FETCHED]).fetchone()
        return Files(
            states=tuple(Ended(state, reason, references) for state, reason, references in states),
            bytes=self._number(_BYTES, State.FETCHED) or 0,
            contents=contents,
            content_bytes=content_bytes,
            oldest_waiting_ms=self._number(_OLDEST, State.RETRYING),
        )

    def _take(self, record: Record) -> None:
        row_id = (record.key or b"").decode("utf-8", "replace")
        held = None if record.value is None else HeldRecord.from_json(record.value)
        order = held.order if held else (deleting_version(record.header(HEADER_VERSION)), _ENDED)
        if self._database.execute(_TAKE, (row_id, *order)).rowcount == 0:
            return
        self._database.execute("DELETE FROM files WHERE id = ?", [row_id])
        self._database.executemany(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)",
            [
                (row_id, each.state, each.reason, each.size_bytes, each.sha256, each.since_ms)
                for each in (held.files if held else ())
            ],
        )

    def _number(self, query: str, state: State) -> int | None:
        found: int | None = self._database.execute(query, [state]).fetchone()[0]
        return found
