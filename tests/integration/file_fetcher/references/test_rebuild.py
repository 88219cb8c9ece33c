"""The local store brought up to date from the topics on a real broker (rules F2 and P1)."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import NewPartitions
from structlog.testing import capture_logs

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.errors import TopicMissing
from cdc_runtime.settings.models import load
from file_fetcher.references import rebuild
from file_fetcher.references.changes import Ended, Holds, Waits
from file_fetcher.references.local import ReferenceStore
from file_fetcher.settings import FetcherSettings
from file_fetcher.settling.writes import Write
from file_fetcher.startup import claim_number, own_topics
from schemas.errors import ServerSetting, SettingsError
from schemas.file_state import State
from schemas.topics import state_topic
from tests.integration.file_fetcher.references.conftest import COUNT, GROUP, written
from tests.unit.file_fetcher.references.holdings import held, held_file, retry
from tests.waiting import eventually

PARTITIONS = [("public.photos", number) for number in range(6)]
_FOUR_DAYS_MS = 4 * 86_400_000


@pytest.fixture
def waiting_in(topics):
    """A row whose reference waits, and the retry it waits for, in the topic of a table of this test."""

    def make(name: str, partition: int, row_version: int = 10, attempt: int = 1) -> tuple[Holds, Waits]:
        file = held_file(f"{name}/url", State.RETRYING, version=row_version, attempt=attempt, since_ms=5)
        waits = retry(
            f"{name}/url",
            record_id=name,
            partition=partition,
            row_version=row_version,
            attempt=attempt,
            topic=f"{topics.prefix}.public.photos",
        )
        return Holds(held(name, row_version, file, partition=partition)), Waits(waits)

    return make


def test_f2_a_lost_store_is_rebuilt_from_the_topics(say, catch_up, store, waiting_in, tmp_path):
    row, waits = waiting_in("photos/4", 3)
    say(
        Holds(held("photos/1", partition=0)), Holds(held("photos/2", partition=1)), Holds(held("photos/3", partition=5))
    )
    say(row, waits, Holds(held("photos/5", partition=0)))
    say(Holds(held("photos/1", 12, partition=0)), Ended("photos/5", 13))
    catch_up()
    fresh = ReferenceStore(tmp_path / "fresh")
    catch_up(into=fresh)
    for each in (store, fresh):
        assert each.get("photos/1") == held("photos/1", 12, partition=0)
        assert each.get("photos/2") == held("photos/2", partition=1)
        assert each.get("photos/3") == held("photos/3", partition=5)
        assert each.get("photos/5") is None
        assert each.due(1_000, PARTITIONS, 10) == [waits.retry]
    fresh.close()


def test_f2_only_the_state_of_the_partitions_that_are_held_is_read(say, catch_up, store):
    say(*[Holds(held(f"photos/{number}", partition=number)) for number in range(6)])
    catch_up(2)
    assert [number for number in range(6) if store.get(f"photos/{number}")] == [2, 5]
    catch_up()
    assert [number for number in range(6) if store.get(f"photos/{number}")] == [0, 1, 2, 3, 4, 5]


def test_f2_what_a_killed_member_had_not_told_its_store_is_read_on_its_return(say, catch_up, store, waiting_in):
    row, waits = waiting_in("photos/1", 0)
    say(row, waits)
    catch_up()
    say(*waiting_in("photos/1", 0, attempt=2), Holds(held("photos/2", partition=0)))
    catch_up()
    assert [(each.attempt, each.file_id) for each in store.due(1_000, PARTITIONS, 10)] == [(2, "photos/1/url")]
    assert store.get("photos/2") is not None


def test_reading_goes_on_where_it_ended(say, catch_up, store, publisher, topics):
    publisher.publish([Write(topics.file_refs, 1, b"photos/1", held("photos/1", partition=1).to_json())], {}, None)
    # The store knows of that record: it stands before the position.
    for topic in (topics.file_refs, topics.retry(GROUP)):
        catch_up(2)
        position = store.positions(topic)[2]
        store.set_position(topic, 1, position._replace(next_offset=2 if topic == topics.file_refs else 0))
    say(Holds(held("photos/2", partition=1)))
    catch_up()
    assert store.get("photos/2") == held("photos/2", partition=1)


@pytest.mark.rule("P14")
def test_p14_state_in_another_partition_is_one_rows_and_is_named(say, catch_up, store, publisher, topics):
    publisher.publish([Write(topics.file_refs, 1, b"photos/1", held("photos/1", partition=0).to_json())], {}, None)
    say(Holds(held("photos/2", partition=1)))
    with capture_logs() as logs:
        catch_up()
    named = [(each["partition"], each["offset"], each["consequence"]) for each in logs if "offset" in each]
    assert named == [(1, 0, "its row is taken for one that was never seen")]
    assert (store.get("photos/1"), store.get("photos/2")) == (None, held("photos/2", partition=1))


@pytest.mark.rule("F2")
@pytest.mark.remedy("partitions that were added are not used")
@pytest.mark.remedy("set state_partitions to how many partitions the topics were made with")
def test_f2_partitions_that_were_added_are_told_and_what_is_remembered_stays(
    say, store, settings, admin, topics, tmp_path
):
    admin.ensure_topics([state_topic(name, COUNT) for name in (topics.files, topics.file_rows)])
    rows = [held(f"photos/{number}", partition=number) for number in range(6)]
    say(*map(Holds, rows))
    more = [NewPartitions(name, 6) for name in (topics.files, topics.file_rows, topics.file_refs, topics.retry(GROUP))]
    for added in admin._client.create_partitions(more).values():
        added.result(20)

    def catch_up(*arguments: str, folder: str) -> int:
        given = load(FetcherSettings, [f"--kafka.prefix={topics.prefix}", *arguments], environ={})
        of = own_topics(given, admin).partitions
        claim_number(tmp_path, of)
        with closing(ReferenceStore(tmp_path / folder)) as fresh:
            rebuild.bring_up_to_date(fresh, settings, topics, GROUP, range(of), of=of, admin=admin)
            assert [fresh.get(each.record_id) for each in rows] == rows
        return of

    grown = [topics.files, topics.file_rows, topics.file_refs]
    eventually(lambda: set(admin.partition_counts(grown).values()) == {6}, what="the partitions to be there")
    with pytest.raises(ServerSetting, match=r"expected 3 partitions .* got 6: partitions were added") as caught:
        catch_up(folder="lost")
    assert str(caught.value.remedy).startswith("set state_partitions to 3: ")
    with pytest.raises(SettingsError, match="state_partitions to be 6 at most") as wrong:
        catch_up("--state-partitions=7", folder="wrong")
    assert wrong.value.remedy == "set state_partitions to how many partitions the topics were made with"
    assert catch_up("--state-partitions=3", folder="mended") == 3
    with pytest.raises(ServerSetting, match=r"expected 3 partitions .* as the files in") as forgotten:
        catch_up(folder="mended")
    assert forgotten.value.remedy == caught.value.remedy


@pytest.mark.rule("P14")
@pytest.mark.parametrize("value", [b"{}", b"\xff", b'{"format":2}'])
def test_p14_record_that_cannot_be_read_is_one_rows_and_is_named_once(say, catch_up, store, publisher, topics, value):
    publisher.publish([Write(topics.file_refs, 1, b"photos/1", value)], {}, None)
    publisher.publish([Write(topics.retry(GROUP), 2, b"7", b"event")], {}, None)
    say(Holds(held("photos/2", partition=1)))
    with capture_logs() as logs:
        catch_up()
        catch_up()
    named = [(each["topic"], each["partition"], each["offset"]) for each in logs if "offset" in each]
    assert sorted(named) == [(topics.file_refs, 1, 0), (topics.retry(GROUP), 2, 0)]
    assert store.get("photos/2") == held("photos/2", partition=1)


def test_a_topic_that_was_made_again_is_read_from_its_beginning(say, catch_up, store, admin, topics):
    say(
        Holds(held("photos/1", partition=0)), Holds(held("photos/2", partition=0)), Holds(held("photos/3", partition=1))
    )
    catch_up()
    admin._client.delete_topics([topics.file_refs], operation_timeout=20)[topics.file_refs].result(20)
    eventually(lambda: topics.file_refs not in admin.topics(), what="the topic to be gone")
    admin.ensure_topics([state_topic(topics.file_refs, COUNT)])
    # As many records as before, so that the old position would be good.
    say(
        Holds(held("photos/2", partition=0)), Holds(held("photos/4", partition=0)), Holds(held("photos/5", partition=0))
    )
    catch_up(0)
    assert [number for number in range(1, 6) if store.get(f"photos/{number}")] == [2, 3, 4, 5]


def test_a_store_that_was_not_brought_up_to_date_for_days_is_read_from_the_beginning(say, catch_up, store, topics):
    say(Holds(held("photos/1", partition=0)))
    catch_up()
    # Its tombstone has been and gone.
    store.apply([Holds(held("photos/2", partition=0)), Holds(held("photos/3", partition=1))])
    catch_up()
    assert store.get("photos/2") is not None
    for topic in (topics.file_refs, topics.retry(GROUP)):
        for partition, position in store.positions(topic).items():
            store.set_position(topic, partition, position._replace(read_ms=position.read_ms - _FOUR_DAYS_MS))
    catch_up(0)
    assert store.get("photos/1") == held("photos/1", partition=0)
    assert store.get("photos/2") is None
    assert store.get("photos/3") is not None


def test_p1_another_members_open_transaction_is_waited_for(say, catch_up, store, other_member, topics):
    write = written(topics, Holds(held("photos/1", 11, partition=0)))
    other_member.produce(write.topic, write.value, write.key, 0)
    other_member.flush(20)
    say(Holds(held("photos/2", partition=0)))
    reading = threading.Thread(target=catch_up)
    reading.start()
    reading.join(1)
    assert reading.is_alive(), "the reading ended before the committed record could be seen"
    other_member.commit_transaction(20)
    reading.join(30)
    assert store.get("photos/1") == held("photos/1", 11, partition=0)
    assert store.get("photos/2") == held("photos/2", partition=0)


def test_what_was_aborted_is_not_seen(say, catch_up, store, other_member, topics, waiting_in):
    for change in waiting_in("photos/1", 0):
        write = written(topics, change)
        other_member.produce(write.topic, write.value, write.key, 0, headers=list(write.headers))
    other_member.flush(20)
    say(Holds(held("photos/2", partition=0)))
    other_member.abort_transaction(20)
    catch_up()
    assert store.get("photos/1") is None
    assert store.due(1_000, PARTITIONS, 10) == []
    assert store.get("photos/2") is not None


def test_a_retry_whose_row_is_written_last_is_not_passed_over(catch_up, store, other_member, topics, waiting_in):
    """Members share a state partition: the other's transaction has written its retry, and not yet its row."""
    row, waits = waiting_in("photos/1", 0)
    first, last = written(topics, waits), written(topics, row)
    other_member.produce(first.topic, first.value, first.key, 0, headers=list(first.headers))
    other_member.flush(20)
    reading = threading.Thread(target=catch_up)
    reading.start()
    reading.join(1)
    other_member.produce(last.topic, last.value, last.key, 0)
    other_member.commit_transaction(20)
    reading.join(30)
    catch_up()
    assert store.due(1_000, PARTITIONS, 10) == [waits.retry]


def test_a_retry_that_comes_after_its_row_was_looked_for_is_read_the_next_time(
    say, catch_up, store, waiting_in, monkeypatch
):
    row, waits = waiting_in("photos/1", 0)
    say(Holds(held("photos/2", partition=0)), *waiting_in("photos/3", 0))
    remember = rebuild._Reader.remember
    told: list[bool] = []

    def remember_while_another_member_writes(reader, source):
        if not told:
            told.append(True)
            say(row, waits)
        remember(reader, source)

    monkeypatch.setattr(rebuild._Reader, "remember", remember_while_another_member_writes)
    catch_up()
    assert [each.record_id for each in store.due(1_000, PARTITIONS, 10)] == ["photos/3"]
    catch_up()
    assert [each.record_id for each in store.due(1_000, PARTITIONS, 10)] == ["photos/1", "photos/3"]


def test_rows_at_work_are_in_sight_while_the_topic_is_read_from_its_beginning(
    say, catch_up, store, topics, monkeypatch
):
    say(Holds(held("photos/1", partition=0)))
    store.apply([Holds(held("photos/1", 12, partition=0))])
    seen = []
    apply = ReferenceStore.apply

    def looking(self, changes):
        seen.append(store.get("photos/1"))
        apply(self, changes)

    monkeypatch.setattr(ReferenceStore, "apply", looking)
    catch_up()
    assert set(seen) == {held("photos/1", 12, partition=0)}
    assert store.get("photos/1") == held("photos/1", 12, partition=0)


def test_more_rows_than_a_batch_are_read(publisher, catch_up, store, topics):
    rows = [Holds(held(f"photos/{number:05}", partition=number)) for number in range(3_500)]
    publisher.publish([written(topics, row) for row in rows], {}, None)
    catch_up()
    for row in (rows[0], rows[999], rows[1_000], rows[3_499]):
        assert store.get(row.record.record_id) == row.record


def test_nothing_to_read_is_no_error(catch_up, store, settings, topics, admin):
    catch_up()
    catch_up()
    rebuild.bring_up_to_date(store, settings, topics, GROUP, [], of=COUNT, admin=admin)
    assert {p: position.next_offset for p, position in store.positions(topics.file_refs).items()} == {0: 0, 1: 0, 2: 0}


def test_retries_that_the_topic_has_forgotten_are_lost_and_reading_goes_on_behind_them(
    say, catch_up, store, admin, topics, waiting_in
):
    say(*waiting_in("photos/1", 0))
    # The retry, and the marker of its transaction, which comes behind the answer to its commit.
    place = TopicPartition(topics.retry(GROUP), 0)
    eventually(lambda: admin.end_offsets([place], "committed") == {place: 2}, what="the marker")
    for future in admin._client.delete_records([KafkaTopicPartition(topics.retry(GROUP), 0, 2)]).values():
        future.result(20)
    catch_up()
    assert [file.file_id for _, _, file in store.lost_retries(PARTITIONS, 10)] == ["photos/1/url"]
    assert store.positions(topics.retry(GROUP))[0].next_offset == 2


def test_a_topic_that_is_not_there_is_an_error(catch_up, admin, topics):
    admin._client.delete_topics([topics.retry(GROUP)], operation_timeout=20)[topics.retry(GROUP)].result(20)
    eventually(lambda: topics.retry(GROUP) not in admin.topics(), what="the topic to be gone")
    with pytest.raises(TopicMissing):
        catch_up()
