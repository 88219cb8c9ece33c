"""The status as JSON and for eyes."""

from __future__ import annotations

from dataclasses import replace

from rowferry.status.files import Ended, Files
from rowferry.status.report import Count, Group, Slot, Status, TopicLag
from schemas.offsets import Position, SnapshotProgress, TransactionMark

SLOT = Slot("rowferry", True, "reserved", 0x16_B374_D848, 0x16_B374_0000, 2048, 57_416, None)
POSITION = Position(
    incarnation="i",
    version=17,
    start_lsn=1,
    system_id="77",
    timeline=1,
    database="procore",
    slot="rowferry",
    last=TransactionMark(0x16_B374_D800, 0x16_B374_D848, 9, 1_700_000_000_500_000),
)
SNAPSHOT = SnapshotProgress("public.photos", "running", "first start", "i", 5, 1, "f", rows=1234)
LAG = (TopicLag("photos", "cdc.public.photos", 3), TopicLag("plans", "cdc.public.plans", 0))
FILES = Files(
    (Ended("failed", "not_found", 2), Ended("fetched", "", 1234), Ended("retrying", "network", 1)),
    bytes=4096,
    contents=7,
    content_bytes=2048,
    oldest_waiting_ms=1_700_000_000_500,
)
STATUS = Status(
    slot=SLOT,
    position=POSITION,
    captures={"replication": 2, "none": 1},
    snapshots=(SNAPSHOT, SnapshotProgress("public.plans", "done", "first start", "i", 5, 1, "f", rows=9)),
    groups=(
        Group(
            "rowferry-vespa-sink",
            1,
            (TopicLag("photos", "cdc.public.photos", 3), TopicLag("plans", "cdc.public.plans", 0)),
        ),
    ),
    files=FILES,
    counts=(Count("photos", 1234, 1233),),
)


def test_partition_that_waits_is_told_with_its_reason() -> None:
    found = replace(STATUS, waiting={"public.p of public.parts": "only its owner may add it"})
    line = (
        "waits     partition public.p of public.parts: it is not captured with the others, because only its owner may"
    )
    assert line in found.to_text()
    assert found.to_json()["waiting"] == {"public.p of public.parts": "only its owner may add it"}


def test_status_for_eyes_has_a_line_for_each_part() -> None:
    assert STATUS.to_text() == (
        "slot      rowferry: active, reserved, confirmed 16/B374D848, 2.0 KiB behind, 56.1 KiB of WAL retained\n"
        "position  16/B374D800, version 17, last commit 2023-11-14T22:13:20+00:00\n"
        "tables    2 streamed, 1 not captured (rowferry doctor says why)\n"
        "snapshot  public.photos: running, 1,234 rows read, because first start\n"
        "group     rowferry-vespa-sink: 1 members, 3 records behind\n"
        "          photos: 3 behind\n"
        "files     1,237 references, 4.0 KiB; 7 contents, 2.0 KiB\n"
        "          failed (not_found): 2\n"
        "          fetched: 1,234\n"
        "          retrying (network): 1\n"
        "          oldest waiting since 2023-11-14T22:13:20+00:00\n"
        "table    rows  documents\n"
        "photos  1,234      1,233\n"
    )


def test_status_of_nothing_says_so() -> None:
    assert Status().to_text() == "slot      none yet\nposition  none yet\ntables    none yet\n"


def test_part_that_could_not_be_had_stands_first_and_hides_no_other() -> None:
    status = Status(slot=SLOT, errors={"kafka": "no answer"})

    assert status.to_text() == (
        "kafka: no answer\n"
        "slot      rowferry: active, reserved, confirmed 16/B374D848, 2.0 KiB behind, 56.1 KiB of WAL retained\n"
    )


def test_json_holds_lsns_as_postgresql_prints_them() -> None:
    found = STATUS.to_json()

    assert found["slot"] == {
        "name": "rowferry",
        "active": True,
        "wal_status": "reserved",
        "confirmed_lsn": "16/B374D848",
        "restart_lsn": "16/B3740000",
        "behind_bytes": 2048,
        "retained_bytes": 57_416,
        "safe_bytes": None,
        "holders": (),
        "waits_for": (),
        "invalid": None,
        "idle_s": None,
        "alarms": (),
    }
    assert found["position"] == {
        "lsn": "16/B374D800",
        "version": 17,
        "slot": "rowferry",
        "database": "procore",
        "system_id": "77",
        "timeline": 1,
        "last_commit": "2023-11-14T22:13:20+00:00",
    }
    assert found["snapshots"][0] == {
        "table": "public.photos",
        "state": "running",
        "cause": "first start",
        "rows": 1234,
    }
    assert found["groups"] == [
        {
            "name": "rowferry-vespa-sink",
            "members": 1,
            "lag_records": 3,
            "lag": [
                {"table": "photos", "topic": "cdc.public.photos", "records": 3},
                {"table": "plans", "topic": "cdc.public.plans", "records": 0},
            ],
        }
    ]
    assert found["counts"] == [{"table": "photos", "rows": 1234, "documents": 1233}]
    assert found["files"] == {
        "references": 1237,
        "states": [
            {"state": "failed", "reason": "not_found", "references": 2},
            {"state": "fetched", "reason": "", "references": 1234},
            {"state": "retrying", "reason": "network", "references": 1},
        ],
        "bytes": 4096,
        "contents": 7,
        "content_bytes": 2048,
        "waiting": 1,
        "oldest_waiting": "2023-11-14T22:13:20+00:00",
    }
    assert (found["tables"], found["errors"]) == ({"replication": 2, "none": 1}, {})


def test_large_sizes_are_told_in_larger_units() -> None:
    slot = Slot("s", False, "extended", 1, 1, 1023, 3 * 1024**4, None)

    assert Status(slot=slot).to_text().splitlines()[0] == (
        "slot      s: not active, extended, confirmed 0/1, 1023 B behind, 3.0 TiB of WAL retained"
    )


def test_tables_that_are_set_aside_are_named_with_the_reason() -> None:
    status = Status(set_aside={"public.photos": "its primary key was (id integer), and is gone"})

    assert status.to_text().splitlines()[-1] == (
        "set aside public.photos: its rows stay as they are, because its primary key was (id integer), and is gone"
    )
    assert status.to_json()["set_aside"] == {"public.photos": "its primary key was (id integer), and is gone"}


def test_slot_names_who_reads_it_and_for_whom_it_waits() -> None:
    slot = replace(SLOT, holders=("pid 12 (rowferry-rowferry)",), waits_for=("pid 7 (psql)",))
    text = replace(STATUS, slot=slot).to_text()
    assert "\n          read by pid 12 (rowferry-rowferry)\n" in text
    assert "\n          it is being made, and waits for pid 7 (psql)\n" in text


def test_slot_in_danger_is_told_with_what_to_do() -> None:
    slot = replace(SLOT, active=False, idle_s=30, safe_bytes=1024, alarms=("expected a, got b; do c",))
    assert (
        replace(STATUS, slot=slot)
        .to_text()
        .startswith(
            "slot      rowferry: not active for 30 s, reserved, confirmed 16/B374D848, 2.0 KiB behind, 56.1 KiB of WAL "
            "retained, 1.0 KiB until it loses some\n          expected a, got b; do c\n"
        )
    )
