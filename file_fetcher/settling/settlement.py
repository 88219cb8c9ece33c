"""
What is written when a work is finished: results, spreadsheet rows, the references held, retries, dead letters.

Rule 1: everything here goes out in one Kafka transaction with the offset of the event (rule F1).
Rule 2: it follows from what is remembered of the row at that moment, so that it may be worked out again after a
        transaction whose outcome nobody knows: what has happened already gives nothing to write.
Rule 3: rows of a spreadsheet that the new content does not have are written as gone, with the result's version.
Rule 4: a reference that was not fetched, since something else was remembered when the work began, waits for a try of
        its own: it is neither forgotten nor does it hold anything up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from cdc_runtime.consuming.dead_letters import Failure, dead_letter
from cdc_runtime.consuming.records import Headers
from file_fetcher.failures import Failed
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.changes import Ended, Holds, NoLongerWaits, StateChange, Waits
from file_fetcher.references.retries import Retry
from file_fetcher.settling.file_identity import digest, location_digest
from file_fetcher.settling.reference_diff import compare
from file_fetcher.settling.writes import Write
from file_fetcher.work import Again, Fetch, Got, Not, Row, Work
from schemas.file_references import FileReference
from schemas.file_results import FileResult, FileRow, Provenance, Status, result_version
from schemas.file_state import HeldFile, HeldRecord, RowRange, State
from schemas.names import TableName
from schemas.tombstones import HEADER_VERSION
from schemas.topics import MAX_MESSAGE_BYTES

_OVERTAKEN = "overtaken"
# Room for what Kafka adds. A row beyond it could not be written at all, and would hold up everything.
_LONGEST_ROW_BYTES = MAX_MESSAGE_BYTES - 1024 * 1024
_TOO_LONG = "row_too_large"


_MOST_RETRY_BYTES = 8 * 1024 * 1024  # of the retries that one event leads to


@dataclass(slots=True)
class Settlement:
    """
    Writes in their order, made when they are asked for; then what the local store is told after the commit.

    `size`: how many writes there are at most. Making them raises what opening a spreadsheet's rows raises.
    """

    writes: list[Iterable[Write]] = field(default_factory=list)
    size: int = 0
    changes: list[StateChange] = field(default_factory=list)
    results: list[FileResult] = field(default_factory=list)
    retries: int = 0

    def all_writes(self) -> Iterator[Write]:
        """Everything to be written; to be asked for once."""
        for each in self.writes:
            yield from each


def settle(work: Work, held: HeldRecord | None, own_topics: OwnTopics, now_ms: int) -> Settlement:
    """What a finished work leads to; `held` is what is remembered of its row now."""
    settling = _Settling(work.row, own_topics, now_ms)
    if work.retry is not None:
        settling.retried(work, work.retry, held)
    elif held is None or held.row_version < work.row.version:
        settling.changed(work, held)
    # Else a later event was settled before, or this one in a transaction of which we did not hear.
    return settling.done


def settle_floor(held: HeldRecord, below_version: int, own_topics: OwnTopics, now_ms: int) -> Settlement:
    """What a floor leads to for a row below it: nothing of it exists any more."""
    table = TableName.parse(held.table)
    row = Row(held.record_id, held.table, table.document_table, held.partition, below_version)
    settling = _Settling(row, own_topics, now_ms)
    settling.forget(held.files)
    return settling.done


def waiting_file(held: HeldRecord | None, retry: Retry) -> HeldFile | None:
    """The reference that a retry is for, where it still waits for just this one (rule V9)."""
    for file in held.files if held else ():
        if file.file_id == retry.file_id:
            waits = file.state is State.RETRYING and file.version == retry.row_version
            return file if waits and file.attempt == retry.attempt else None
    return None


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
            self._remember(HeldRecord(row.record_id, row.table, row.partition, row.version, 0, tuple(files)))
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
        self._remember(replace(held, revision=held.revision + 1, files=files))

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
        """Write what became of a reference that the row's `version` brought; gives what is remembered of it."""
        file = self._held(fetch, before, version)
        outcome = work.outcomes.get(file.file_id) or Again(fetch.attempt, self._now_ms, _OVERTAKEN)
        if isinstance(outcome, Again):
            file = replace(file, attempt=outcome.attempt, due_ms=outcome.due_ms, reason=outcome.reason)
            self._wait(work, file)
            return file
        result = replace(self._result(file, result_version(version, fetch.attempt)), bucket=_bucket(outcome.origin))
        if isinstance(outcome, Got):
            result = replace(result, status=Status.FETCHED, content=outcome.content, extraction=outcome.extraction)
            rows: tuple[RowRange, ...] = outcome.rows
            ended = replace(
                file,
                state=State.FETCHED,
                rows=rows,
                size_bytes=outcome.content.size_bytes,
                sha256=outcome.content.sha256,
            )
        else:
            status = Status.FAILED if outcome.failed else Status.SKIPPED
            result = replace(result, status=status, reason=outcome.reason, detail=outcome.detail)
            rows = ()
            ended = replace(file, state=State(status.value), rows=(), reason=outcome.reason)
        self._publish(result)
        if isinstance(outcome, Got) and rows:
            self._write_all(self._rows(outcome, result, file), rows)
        self._end_rows(file, rows, result.version)
        if isinstance(outcome, Not) and outcome.failed:
            self._bury(work, outcome, file)
        return ended

    def _held(self, fetch: Fetch, before: HeldFile | None, version: int) -> HeldFile:
        reference = fetch.reference
        return HeldFile(
            file_id=reference.file_id,
            column=reference.column,
            key=reference.key,
            kind=reference.kind.value,
            version=version,
            state=State.RETRYING,
            entry=reference.entry,
            place=location_digest(reference.location),
            context=digest(self._row.project_id),
            attempt=fetch.attempt,
            rows=before.rows if before else (),
            since_ms=fetch.since_ms,
            file_name=reference.file_name,
            relationship_type=reference.relationship_type,
        )

    def _gone(self, file: HeldFile) -> None:
        result = self._result(replace(file, attempt=0), result_version(self._row.version, 0))
        self._publish(result)
        self._end_rows(file, (), result.version)

    def _result(self, file: HeldFile, version: int) -> FileResult:
        """A result of a reference, as that of one that is gone."""
        row = self._row
        return FileResult(
            file_id=file.file_id,
            version=version,
            row_version=row.version,
            attempt=file.attempt,
            status=Status.GONE,
            provenance=Provenance(
                record_id=row.record_id,
                table=row.table,
                source_table=row.source_table,
                column=file.column,
                relationship_type=file.relationship_type,
                kind=file.kind,
                entry=file.entry,
            ),
            key=file.key,
            file_name=file.file_name,
            project_id=row.project_id,
            ended_at_ms=self._now_ms,
            row_committed_ms=row.committed_ms,
        )

    def _publish(self, result: FileResult) -> None:
        self.done.results.append(result)
        self._write(self._own_topics.topics.files, result.file_id.encode(), result.to_json())

    def _rows(self, got: Got, result: FileResult, before: HeldFile) -> Iterator[Write]:
        """The rows of a spreadsheet, one after the other as they are written, and what was between them before."""
        sheet, number = "", 0
        for parsed in got.open_rows():
            if before.rows and parsed.sheet == sheet:
                for missing in in_closed_gap(before.rows, got.rows, (sheet, number, parsed.number)):
                    yield self._row_write(self._gone_row(before, sheet, missing, result.version))
            sheet, number = parsed.sheet, parsed.number
            row = FileRow(
                file_id=result.file_id,
                record_id=self._row.record_id,
                sheet=parsed.sheet,
                row_number=parsed.number,
                version=result.version,
                values=parsed.values,
                reason=parsed.reason,
                file_name=result.file_name,
                project_id=self._row.project_id,
            )
            write = self._row_write(row)
            fits = write.value is not None and len(write.value) <= _LONGEST_ROW_BYTES
            yield write if fits else self._row_write(replace(row, values={}, reason=_TOO_LONG))

    def _end_rows(self, file: HeldFile, kept: tuple[RowRange, ...], version: int) -> None:
        """The rows of the old content that the new one does not have are gone."""
        if file.rows:
            gone = (self._gone_row(file, sheet, number, version) for sheet, number in surplus(file.rows, kept))
            self._write_all(map(self._row_write, gone), file.rows)

    def _gone_row(self, file: HeldFile, sheet: str, number: int, version: int) -> FileRow:
        return FileRow(file.file_id, self._row.record_id, sheet, number, version, gone=True, file_name=file.file_name)

    def _write_all(self, writes: Iterable[Write], rows: Iterable[RowRange]) -> None:
        self.done.writes.append(writes)
        self.done.size += sum(last - first + 1 for _, first, last in rows)

    def _row_write(self, row: FileRow) -> Write:
        return Write(self._own_topics.topics.file_rows, self._partition, row.row_id.encode(), row.to_json())

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

    def _remember(self, record: HeldRecord) -> None:
        self._write(self._own_topics.topics.file_refs, record.record_id.encode(), record.to_json())
        self.done.changes.append(Holds(record))

    def _write(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        self.done.writes.append((Write(topic, self._partition, key, value, headers),))
        self.done.size += 1


def _bucket(origin: str) -> str:
    """The name of a bucket; empty for another origin."""
    kind, _, name = origin.partition(":")
    return name if kind == "s3" else ""


def surplus(old: Iterable[RowRange], new: Iterable[RowRange]) -> Iterator[tuple[str, int]]:
    """The rows (sheet and number) of the first that the second does not have."""
    kept: dict[str, list[range]] = {}
    for sheet, first, last in new:
        kept.setdefault(sheet, []).append(range(first, last + 1))
    for sheet, first, last in old:
        ranges = kept.get(sheet, [])
        yield from ((sheet, number) for number in range(first, last + 1) if not any(number in each for each in ranges))


def in_closed_gap(old: Iterable[RowRange], new: Iterable[RowRange], gap: RowRange) -> Iterator[int]:
    """
    The rows that the first had between two neighbours (sheet, number, number) of the second.

    None where the gap is one between runs: those are `surplus`. A run may have gaps that were closed.
    """
    sheet, above, below = gap
    if below > above + 1 and any(name == sheet and first <= above and below <= last for name, first, last in new):
        for name, first, last in old:
            if name == sheet:
                yield from range(max(first, above + 1), min(last, below - 1) + 1)
