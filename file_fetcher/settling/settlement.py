"""
What is written when a work is finished: results, spreadsheet rows, the references held, retries, dead letters.

Rule 1: everything here goes out in one Kafka transaction with the offset of the event (rule F1).
Rule 2: it follows from what is remembered of the row at that moment, so that it may be worked out again after a
        transaction whose outcome is not known: what has happened already leads to nothing to write.
Rule 3: a reference that was not fetched, since something else was remembered when the work began, waits for a try of
        its own: it is neither forgotten nor does it hold anything up.

Keeps: F1, F3, V9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from cdc_runtime.consuming.dead_letters import Failure, dead_letter
from cdc_runtime.consuming.records import Headers
from file_fetcher.failures import Failed, FetchProblem
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.changes import Ended, Holds, NoLongerWaits, StateChange, Waits
from file_fetcher.references.retries import Retry
from file_fetcher.settling.file_identity import location_digest
from file_fetcher.settling.file_outcomes import held_file, outcome_of, result_of
from file_fetcher.settling.reference_diff import compare
from file_fetcher.settling.spreadsheet_rows import SpreadsheetRows
from file_fetcher.settling.writes import Write
from file_fetcher.work import Again, Fetch, Got, Not, Row, Work
from schemas.file_references import FileReference
from schemas.file_results import FileResult
from schemas.file_state import HeldFile, HeldRecord, RowRange, State
from schemas.names import TableName
from schemas.tombstones import HEADER_VERSION

_OVERTAKEN, _PUBLISHED_AGAIN = "overtaken", "published_again"
_MOST_RETRY_BYTES = 8 * 1024 * 1024  # of the retries that one event leads to


class UnreadableRows(FetchProblem):
    """The rows of a spreadsheet that `work` has fetched cannot be read now."""

    def __init__(self, work: Work, problem: FetchProblem) -> None:
        super().__init__(problem.reason, str(problem), remedy=problem.remedy)
        self.work = work


@dataclass(slots=True)
class Settlement:
    """
    Writes in their order, made when they are asked for; then what the local store is told after the commit.

    `work`: what is settled, None for a floor's row; `size`: how many writes there are at most.
    """

    work: Work | None = None
    writes: list[Iterable[Write]] = field(default_factory=list)
    size: int = 0
    changes: list[StateChange] = field(default_factory=list)
    results: list[FileResult] = field(default_factory=list)
    retries: int = 0

    def all_writes(self) -> Iterator[Write]:
        """Everything to be written; to be asked for once. Raises `UnreadableRows`."""
        try:
            for each in self.writes:
                yield from each
        except FetchProblem as exc:
            if self.work is None:
                raise
            raise UnreadableRows(self.work, exc) from exc


def settle(work: Work, held: HeldRecord | None, own_topics: OwnTopics, now_ms: int) -> Settlement:
    """What a finished work leads to; `held` is what is remembered of its row now."""
    settling = _Settling(work.row, own_topics, now_ms)
    settling.done.work = work
    if work.retry is not None:
        settling.retried(work, work.retry, held)
    elif held is None or held.row_version < work.row.version:
        settling.changed(work, held)
    # Else a later event was settled before, or this one in a transaction of which we did not hear.
    return settling.done


def settle_floor(held: HeldRecord, below_version: int, own_topics: OwnTopics, now_ms: int) -> Settlement:
    """What a floor leads to for a row below it: nothing of it exists any more."""
    settling = _Settling(_row_of(held, below_version), own_topics, now_ms)
    settling.forget(held.files)
    return settling.done


def settle_again(held: HeldRecord, own_topics: OwnTopics, now_ms: int) -> Settlement:
    """
    What has the results of a row published once more: each reference waits for a try of which nothing is left.

    So its row is asked for, whose event says what is to be fetched. Nothing for a row whose references all wait.
    """
    settling = _Settling(_row_of(held, held.row_version), own_topics, now_ms)
    files = tuple(
        file
        if file.state is State.RETRYING
        else replace(file, state=State.RETRYING, attempt=0, reason=_PUBLISHED_AGAIN, due_ms=now_ms, since_ms=now_ms)
        for file in held.files
    )
    if files != held.files:
        settling.remember(replace(held, revision=held.revision + 1, files=files))
    return settling.done


def put_off(work: Work, reason: str, due_ms: int) -> None:
    """Have the files of a work tried again whose rows cannot be read; no attempt is used up."""
    for file_id, outcome in work.outcomes.items():
        if isinstance(outcome, Got) and outcome.rows:
            work.outcomes[file_id] = Again(work.fetches[file_id].attempt, due_ms, reason, outcome.origin)


def waiting_file(held: HeldRecord | None, retry: Retry) -> HeldFile | None:
    """The reference that a retry is for, where it still waits for just this one (rule V9)."""
    for file in held.files if held else ():
        if file.file_id == retry.file_id:
            waits = file.state is State.RETRYING and file.version == retry.row_version
            return file if waits and file.attempt == retry.attempt else None
    return None


def _row_of(held: HeldRecord, version: int) -> Row:
    """A row of which no event is there."""
    return Row(held.record_id, held.table, TableName.parse(held.table).document_table, held.partition, version)


class _Settling:
    """The settlement of one row at one moment."""

    def __init__(self, row: Row, own_topics: OwnTopics, now_ms: int) -> None:
        self.done = Settlement()
        self._row = row
        self._own_topics = own_topics
        self._now_ms = now_ms
        self._retry_bytes = 0
        # The partition of the state of the row's partition (rule F2).
        self._partition = row.partition % own_topics.partitions
        self._rows = SpreadsheetRows(own_topics.topics.file_rows, self._partition, row.record_id)

    def changed(self, work: Work, held: HeldRecord | None) -> None:
        """A row's event."""
        row = self._row
        before = {file.file_id: file for file in held.files} if held else {}
        difference = compare(held, row, frozenset(work.fetches))
        digests = {reference.file_id: location_digest(reference.location) for reference in row.references}
        files = [replace(file, place=digests.get(file.file_id, file.place)) for file in difference.same]
        files += [
            self._ended(work, self._fetch(work, reference), before.get(reference.file_id), row.version)
            for reference, _ in difference.fetch
        ]
        if files:
            for file in difference.gone:
                self._gone(file)
            self.remember(HeldRecord(row.record_id, row.table, row.partition, row.version, 0, tuple(files)))
        elif held is not None:
            self.forget(difference.gone)

    def retried(self, work: Work, retry: Retry, held: HeldRecord | None) -> None:
        """Another try of one reference."""
        file = waiting_file(held, retry)
        if held is None or file is None or retry.file_id not in work.fetches:
            # Nothing waits for it, or its event no longer says what to fetch: its column holds references no more.
            self.done.changes.append(NoLongerWaits(retry.file_id, retry.row_version, retry.attempt))
            return
        ended = self._ended(work, work.fetches[retry.file_id], file, file.version)
        files = tuple(ended if each.file_id == file.file_id else each for each in held.files)
        self.remember(replace(held, revision=held.revision + 1, files=files))

    def forget(self, files: Iterable[HeldFile]) -> None:
        """The row holds no reference any more."""
        for file in files:
            self._gone(file)
        headers: Headers = ((HEADER_VERSION, str(self._row.version).encode()),)
        self._write(self._own_topics.topics.file_refs, self._row.record_id.encode(), None, headers)
        self.done.changes.append(Ended(self._row.record_id, self._row.version))

    def _fetch(self, work: Work, reference: FileReference) -> Fetch:
        return work.fetches.get(reference.file_id) or Fetch(reference, 0, self._now_ms)

    def _ended(self, work: Work, fetch: Fetch, before: HeldFile | None, version: int) -> HeldFile:
        """Write what became of a reference that the row's `version` brought; returns what is remembered of it."""
        file = held_file(self._row, fetch, version, before.rows if before else ())
        outcome = work.outcomes.get(file.file_id) or Again(fetch.attempt, self._now_ms, _OVERTAKEN)
        if isinstance(outcome, Again):
            file = replace(file, attempt=outcome.attempt, due_ms=outcome.due_ms, reason=outcome.reason)
            self._wait(work, file)
            return file
        result, ended = outcome_of(outcome, file, result_of(self._row, file, self._now_ms))
        self._publish(result)
        if isinstance(outcome, Got) and outcome.rows:
            self._write_all(self._rows.published(outcome, result, file), outcome.rows)
        self._end_rows(file, ended.rows, result.version)
        if isinstance(outcome, Not) and outcome.failed:
            self._bury(work, outcome, file)
        return ended

    def _gone(self, file: HeldFile) -> None:
        result = result_of(self._row, replace(file, version=self._row.version, attempt=0), self._now_ms)
        self._publish(result)
        self._end_rows(file, (), result.version)

    def _publish(self, result: FileResult) -> None:
        self.done.results.append(result)
        self._write(self._own_topics.topics.files, result.file_id.encode(), result.to_json())

    def _end_rows(self, file: HeldFile, kept: tuple[RowRange, ...], version: int) -> None:
        """The rows of the old content that the new one does not have are gone."""
        if file.rows:
            self._write_all(self._rows.ended(file, kept, version), file.rows)

    def _write_all(self, writes: Iterable[Write], rows: Iterable[RowRange]) -> None:
        self.done.writes.append(writes)
        self.done.size += sum(last - first + 1 for _, first, last in rows)

    def _wait(self, work: Work, file: HeldFile) -> None:
        record, row = work.record, self._row
        self.done.retries += 1
        self._retry_bytes += len(record.value or b"")
        if self._retry_bytes > _MOST_RETRY_BYTES:
            # Each retry holds the whole event. What has none is found as lost, and its row is read again.
            return
        retry = Retry(
            file_id=file.file_id,
            record_id=row.record_id,
            table=row.table,
            partition=row.partition,
            row_version=file.version,
            attempt=file.attempt,
            due_ms=file.due_ms,
            topic=record.topic,
            key=record.key or b"",
            value=record.value or b"",
        )
        self._write(self._own_topics.topics.retry(self._own_topics.group), retry.key, retry.value, retry.headers())
        self.done.changes.append(Waits(retry))

    def _bury(self, work: Work, outcome: Not, file: HeldFile) -> None:
        """The dead letter of a reference that has failed: the row's event, and which file it is about."""
        error = Failed(outcome.reason, f"{outcome.reason}: {outcome.detail}")
        letter = dead_letter(
            work.record,
            Failure(error, "fetch", __name__, file.attempt + 1),
            group=self._own_topics.group,
            task=str(self._row.partition),
        )
        headers: Headers = (*letter.headers, ("rowferry.file_id", file.file_id.encode()))
        self._write(self._own_topics.topics.dead_letters(self._own_topics.group), letter.key, letter.value, headers)

    def remember(self, record: HeldRecord) -> None:
        """What the row holds from now on."""
        self._write(self._own_topics.topics.file_refs, record.record_id.encode(), record.to_json())
        self.done.changes.append(Holds(record))

    def _write(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        self.done.writes.append((Write(topic, self._partition, key, value, headers),))
        self.done.size += 1
