"""References that wait for a retry of which nothing is left: asked for, and not tried for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.intake.lost_retries import LostRetries
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.references.changes import Holds
from file_fetcher.references.local import ReferenceStore
from file_fetcher.settling.settlement import settle, settle_again
from file_fetcher.work import Again
from schemas.file_state import HeldFile, HeldRecord, State
from schemas.names import TableName
from tests.unit.file_fetcher.rows import OWN_TOPICS, PARTITION, TOPICS, done, event, reference, row, work

AGAIN = Again(1, 1_000, "not_found", "s3:photos")
PHOTOS = TableName("public", "photos")


class _Requests:
    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def reread(self, table: TableName, keys: Sequence[str], reason: str) -> None:
        self.asked.append((str(table), tuple(keys)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReferenceStore]:
    made = ReferenceStore(tmp_path)
    yield made
    made.close()


def waiting(record_id: str, due_ms: int) -> Holds:
    file = HeldFile(f"{record_id}/url", "url", "a.pdf", "url", 3, State.RETRYING, attempt=1, due_ms=due_ms)
    return Holds(HeldRecord(record_id, "public.photos", 4, 3, 0, (file,)))


def lost_retries(store: ReferenceStore, requests: _Requests) -> LostRetries:
    return LostRetries(store, requests)  # type: ignore[arg-type]


def test_rows_with_a_lost_retry_that_is_due_are_asked_for_once(store: ReferenceStore) -> None:
    requests = _Requests()
    store.apply([waiting("photos/8", 1), waiting("photos/7", 1), waiting("photos/9", 2**53)])
    looks = lost_retries(store, requests)
    held = [TablePartition(PARTITION, PHOTOS)]
    looks.ask(held)
    looks.ask(held)
    assert requests.asked == [("public.photos", ("7", "8"))]


@pytest.mark.rule("V11")
def test_v11_rows_whose_results_are_published_again_are_asked_for(store: ReferenceStore) -> None:
    """Taken out: they are not due. Those that wait for a try already have it."""
    requests = _Requests()
    files = (HeldFile(f"photos/7/{state}", "url", "a.pdf", "url", 3, state, attempt=2, due_ms=5) for state in State)
    record = HeldRecord("photos/7", "public.photos", 4, 3, 6, tuple(files))
    store.apply([Holds(record)])
    store.apply(settle_again(record, OWN_TOPICS, 1_000).changes)
    again = store.get("photos/7")
    assert again is not None
    assert (again.row_version, again.revision) == (3, 7)
    found = {each.file_id.rpartition("/")[2]: (each.state, each.attempt, each.due_ms) for each in again.files}
    assert found.pop("retrying") == (State.RETRYING, 2, 5)
    assert set(found.values()) == {(State.RETRYING, 0, 1_000)}
    assert settle_again(again, OWN_TOPICS, 2_000).writes == []
    lost_retries(store, requests).ask([TablePartition(PARTITION, PHOTOS)])
    assert requests.asked == [("public.photos", ("7",))]


def test_rows_of_other_partitions_are_left_to_their_owner(store: ReferenceStore) -> None:
    requests = _Requests()
    store.apply([waiting("photos/8", 1)])
    lost_retries(store, requests).ask([TablePartition(TopicPartition(PARTITION.topic, 5), PHOTOS)])
    assert requests.asked == []


def test_retries_of_one_large_event_are_bounded(store: ReferenceStore) -> None:
    """Each would hold the whole event; those without one are lost, and asked for when they are due."""
    references = [reference(f"{entry}.pdf", "image_s3_keys", str(entry)) for entry in range(10)]
    large = work(row(10, *references))
    large.record = event(value=b"x" * 3 * 1024 * 1024)
    settlement = settle(done(large, AGAIN), None, OWN_TOPICS, 2_000)
    writes = list(settlement.all_writes())
    assert sum(write.topic == TOPICS.retry(OWN_TOPICS.group) for write in writes) == 2
    assert settlement.retries == 10
    store.apply(settlement.changes)
    assert len(store.lost("photos/7")) == 8


def test_file_that_was_lost_goes_on_with_its_attempts() -> None:
    """Else one that is not there would be asked for without end."""
    of = row(11, reference())
    first = settle(done(work(row(10, reference())), replace(AGAIN, attempt=2)), None, OWN_TOPICS, 1_000)
    [held] = [change.record for change in first.changes if isinstance(change, Holds)]
    again = work(of)
    done(again, replace(AGAIN, attempt=3), attempt=2)
    settlement = settle(again, held, OWN_TOPICS, 2_000)
    [file] = [each for change in settlement.changes if isinstance(change, Holds) for each in change.record.files]
    assert (file.state, file.attempt, file.version, file.since_ms) == (State.RETRYING, 3, 11, 1_000)
