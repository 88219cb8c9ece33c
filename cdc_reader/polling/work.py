"""
Edge: what polls have done beside the stream, each table with its own list of what its topic holds.

Keeps: L1, D8.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cdc_reader.polling.known_rows import KnownRows
from cdc_reader.polling.plans import Moment
from cdc_reader.polling.reads import ReadTerms, RowsRead, moment, read_rows
from cdc_reader.polling.topic_rows import catch_up
from cdc_reader.postgres.workers import SideWork, Worker
from cdc_reader.remedies import UNUSABLE_FOLDER
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.tables.polled import PolledTable
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import FatalError, RowferryError

T = TypeVar("T")
Failed = Callable[[RowferryError], None]
_CLOSE_S = 1.0
_MISSING_AT_ONCE = 500  # they are asked for again in one statement


class RowLists:
    """The lists of a process's life, by topic and its id; they outlive sessions, and leave nothing behind."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lists: dict[tuple[str, str], KnownRows] = {}
        self._polls = 0

    def next_poll(self) -> int:
        """A number that no poll had before."""
        self._polls += 1
        return self._polls

    def of(self, topic: str, topic_id: str) -> KnownRows:
        """The list of a topic; empty for one that was made anew. Raises `FatalError` where the folder is unusable."""
        known = self._lists.get((topic, topic_id))
        if known is None:
            known = self._lists[topic, topic_id] = self._new()
        return known

    def forget(self, topic: str, topic_id: str) -> None:
        """Give back the room of a list; it is made again when it is asked for."""
        known = self._lists.pop((topic, topic_id), None)
        if known is not None and known.alone.acquire(timeout=_CLOSE_S):  # else a worker of before has it to its end
            try:
                known.close()
            finally:
                known.alone.release()

    def keep(self, topics: Collection[tuple[str, str]]) -> None:
        """Give back the room of all lists but those of these topics and their ids."""
        for each in self._lists.keys() - set(topics):
            self.forget(*each)

    def close(self) -> None:
        """Give back the room of all of them."""
        self.keep(())

    def _new(self) -> KnownRows:
        """Its file has no name any more once it is open: whatever ends the process, its room is given back."""
        try:
            handle, name = tempfile.mkstemp(prefix="rowferry-polls-", suffix=".sqlite", dir=self._directory or None)
        except OSError as exc:
            raise FatalError(
                expected="a folder that the keys of polled tables can be kept in",
                found=f"{exc.filename}: {exc.strerror}",
                remedy=UNUSABLE_FOLDER,
            ) from exc
        os.close(handle)
        try:
            return KnownRows(Path(name))
        finally:
            Path(name).unlink()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The server's moment, and how many rows the topic holds."""

    moment: Moment
    known: int


class PollWork:
    """Tasks of a session; what becomes of each is told on the stream's thread."""

    def __init__(
        self,
        side: SideWork,
        lists: RowLists,
        terms: ReadTerms,
        *,
        kafka: KafkaSettings,
        admin: KafkaAdmin,
        system_id: str,
        timeline: int,
        topics: dict[str, str],
    ) -> None:
        self._side = side
        self._lists = lists
        self._terms = terms
        self._kafka = kafka
        self._admin = admin
        self._system_id, self._timeline = system_id, timeline
        self.topics = topics
        self.next_poll = lists.next_poll

    def prepare(self, table: PolledTable, below: int, done: Callable[[Prepared], None], failed: Failed) -> None:
        """Bring the list up to its end, without rows below a version, then look at the server."""

        def task(known: KnownRows, worker: Worker) -> Prepared:
            catch_up(known, self._kafka, table.table.topic, self._admin)
            known.forget_below(below)
            found = moment(worker, table, self._terms, system_id=self._system_id, timeline=self._timeline)
            return Prepared(found, known.count())

        self._submit(table, task, done, failed)

    def read(
        self,
        table: PolledTable,
        request: ChunkRequest,
        poll: int,
        done: Callable[[RowsRead], None],
        failed: Failed,
        *,
        since: int | None = 0,
        checks_key: bool = False,
    ) -> None:
        """Read a chunk; what the topic holds of before version `since` does not count; None: all its rows go out."""

        def task(known: KnownRows, worker: Worker) -> RowsRead:
            return read_rows(worker, table, request, self._terms, known, poll=poll, since=since, checks_key=checks_key)

        self._submit(table, task, done, failed)

    def count_missing(self, table: PolledTable, poll: int, done: Callable[[int], None], failed: Failed) -> None:
        """Count the rows that a poll has not seen."""
        self._submit(table, lambda known, _: known.missing(poll), done, failed)

    def missing(
        self, table: PolledTable, poll: int, after: bytes | None, done: Callable[[list[bytes]], None], failed: Failed
    ) -> None:
        """The next keys that a poll has not seen."""
        self._submit(table, lambda known, _: known.missing_keys(poll, after, _MISSING_AT_ONCE), done, failed)

    def forget(self, table: PolledTable) -> None:
        """Make the list of a table again."""
        self._lists.forget(*self._topic_of(table))

    def _submit(
        self, table: PolledTable, use: Callable[[KnownRows, Worker], T], done: Callable[[T], None], failed: Failed
    ) -> None:
        """Have a worker use the list of a table, alone."""

        def task(worker: Worker) -> T:
            known = self._lists.of(*self._topic_of(table))
            with known.alone:
                return use(known, worker)

        self._side.submit(task, done, failed, alone=True)

    def _topic_of(self, table: PolledTable) -> tuple[str, str]:
        topic = table.table.topic
        return topic, self.topics.get(topic, "")


def now_us() -> int:
    """The wall clock, in microseconds since the Unix epoch."""
    return time.time_ns() // 1000
