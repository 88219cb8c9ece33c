"""The doctor's judgements: what is ok, what is a warning, what has failed, and the remedy for it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.requirements import Rights
from cdc_reader.postgres.server_requirements import ServerFacts
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.progress.origins import Origin
from cdc_runtime.topic_checks import TopicDifference
from rowferry.doctor.database_checks import check_database, check_position
from rowferry.doctor.facts import DatabaseFacts, KafkaFacts, Names, VespaFacts
from rowferry.doctor.findings import Finding, Verdict, failed, is_healthy, ok, to_json, to_text, warning
from rowferry.doctor.kafka_checks import check_kafka
from rowferry.doctor.vespa_checks import check_vespa
from schemas.offsets import Position
from tests.unit.cdc_reader.discovery.catalogs import catalog, publication, table
from vespa_sink.vespa.field_probes import Lacking

NAMES = Names("rowferry", "rowferry", "rowferry-rowferry")
SLOT = SlotRow("pgoutput", "procore", 1, 4711, "reserved")
SERVER_FACTS = ServerFacts(
    version=170002,
    in_recovery=False,
    settings={
        "max_replication_slots": "10",
        "max_slot_wal_keep_size": "64GB",
        "max_wal_senders": "10",
        "synchronous_standby_names": "",
        "wal_level": "logical",
        "wal_sender_timeout": "60000",
    },
    slots_used=1,
    senders_used=1,
    standbys=(),
    slot=SLOT,
)
RIGHTS = Rights(
    replication=True,
    may_create=True,
    owns_publication=True,
    forbidden_messages=(),
)
PHOTOS = table(1, "photos", {"id": "bigint"})
CATALOG = catalog(PHOTOS, publication=publication((1, "photos")))


def server(**changes: Any) -> dict[str, Finding]:
    settings = {**SERVER_FACTS.settings, **changes.pop("settings", {})}
    return database(server=dataclasses.replace(SERVER_FACTS, settings=settings, **changes))


def database(found: Catalog = CATALOG, server: ServerFacts = SERVER_FACTS, **changes: Any) -> dict[str, Finding]:
    facts = DatabaseFacts(server, dataclasses.replace(RIGHTS, **changes))
    return {each.id: each for each in check_database(found, facts, NAMES)}


def test_everything_as_it_should_be_is_ok() -> None:
    findings = database().values()

    assert {each.id: each.status for each in findings if each.status is not Verdict.OK} == {}
    assert len(findings) == 17


POSITION = Position("one", 9, 8, system_id="7", timeline=1, database="procore", slot="rowferry")
POSITIONS = {
    "none": (None, Verdict.OK, "no position yet"),
    "ours": (POSITION, Verdict.OK, "the position belongs to 'procore' (system 7)"),
    "of another database": (
        dataclasses.replace(POSITION, database="shop"),
        Verdict.FAILED,
        "another one: this position belongs to database 'shop' (system 7), this server is 'procore' (system 7)",
    ),
    "of another server": (
        dataclasses.replace(POSITION, system_id="8"),
        Verdict.FAILED,
        "another one: this position belongs to database 'procore' (system 8), this server is 'procore' (system 7)",
    ),
}


@pytest.mark.rule("P12")
@pytest.mark.parametrize(("position", "verdict", "found"), POSITIONS.values(), ids=POSITIONS)
def test_p12_position_of_another_database_is_found(position: Position | None, verdict: Verdict, found: str) -> None:
    finding = check_position(position, Origin("7", "procore"))
    assert (finding.id, finding.status, finding.found) == ("database.position", verdict, found)


SERVER_CASES: dict[str, tuple[dict[str, Any], str, Verdict, str]] = {
    "too old": ({"version": 130011}, "database.version", Verdict.FAILED, "upgrade the server"),
    "standby": (
        {"in_recovery": True},
        "database.primary",
        Verdict.FAILED,
        "point database_url at the primary",
    ),
    "no logical WAL": (
        {"settings": {"wal_level": "replica"}},
        "database.wal_level",
        Verdict.FAILED,
        "ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server",
    ),
    "no free slot": (
        {"slot": None, "slots_used": 10},
        "database.max_replication_slots",
        Verdict.FAILED,
        "ALTER SYSTEM SET max_replication_slots = 14; -- then restart the server",
    ),
    "no free walsender": (
        {"slot": None, "senders_used": 10},
        "database.max_wal_senders",
        Verdict.FAILED,
        "ALTER SYSTEM SET max_wal_senders = 14; -- then restart the server",
    ),
    "all walsenders used, one by us": ({"senders_used": 10}, "database.max_wal_senders", Verdict.OK, ""),
    "slot that soon is idle": (
        {"settings": {"idle_replication_slot_timeout": "3600"}},
        "database.idle_replication_slot_timeout",
        Verdict.WARNING,
        "ALTER SYSTEM SET idle_replication_slot_timeout = '7d'; SELECT pg_reload_conf();",
    ),
    "short time-out": (
        {"settings": {"wal_sender_timeout": "2000"}},
        "database.wal_sender_timeout",
        Verdict.WARNING,
        "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
    ),
    "no time-out": (
        {"settings": {"wal_sender_timeout": "0"}},
        "database.wal_sender_timeout",
        Verdict.WARNING,
        "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
    ),
    "WAL without bound": (
        {"settings": {"max_slot_wal_keep_size": "-1"}},
        "database.max_slot_wal_keep_size",
        Verdict.WARNING,
        "ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; SELECT pg_reload_conf();",
    ),
}


@pytest.mark.parametrize(("changes", "check", "verdict", "remedy"), SERVER_CASES.values(), ids=SERVER_CASES)
def test_server_is_judged(changes: dict[str, Any], check: str, verdict: Verdict, remedy: str) -> None:
    finding = server(**changes)[check]

    assert (finding.status, finding.remedy or "") == (verdict, remedy)


SYNCHRONOUS = {
    "only we": ("rowferry-rowferry", (), ""),
    "in a list": ('"Rowferry-rowferry", b', (), "b"),
    "in a quorum": ("ANY 1 (a, rowferry-rowferry)", (), "ANY 1 (a)"),
    "by a star": ("*", ("rowferry-rowferry", "b's"), "\"b''s\""),
    "by a star in a quorum": ("FIRST 1 (*)", ("b",), 'FIRST 1 ("b")'),
}


@pytest.mark.parametrize(("names", "standbys", "without"), SYNCHRONOUS.values(), ids=SYNCHRONOUS)
def test_p11_remedy_keeps_the_other_standbys(names: str, standbys: tuple[str, ...], without: str) -> None:
    found = server(settings={"synchronous_standby_names": names}, standbys=standbys)

    finding = found["database.synchronous_standby_names"]
    assert finding.status is Verdict.FAILED
    assert finding.remedy == f"ALTER SYSTEM SET synchronous_standby_names = '{without}'; SELECT pg_reload_conf();"


def test_p11_star_without_a_known_standby_is_never_emptied() -> None:
    found = server(settings={"synchronous_standby_names": "*"})

    assert found["database.synchronous_standby_names"].sql is False


SLOTS = {
    "none": (None, Verdict.WARNING, "none yet"),
    "of another plugin": (
        dataclasses.replace(SLOT, plugin="wal2json"),
        Verdict.FAILED,
        "one of plugin 'wal2json' in database 'procore'",
    ),
    "of another database": (
        dataclasses.replace(SLOT, database="other"),
        Verdict.FAILED,
        "one of plugin 'pgoutput' in database 'other'",
    ),
    "lost": (dataclasses.replace(SLOT, wal_status="lost"), Verdict.FAILED, "one that lost its WAL (wal_status lost)"),
    "invalidated": (
        dataclasses.replace(SLOT, invalid="idle_timeout"),
        Verdict.FAILED,
        "one that lost its WAL (idle_timeout)",
    ),
    "about to be lost": (
        dataclasses.replace(SLOT, wal_status="unreserved"),
        Verdict.WARNING,
        "one that loses its WAL at the next checkpoint",
    ),
    "short of WAL": (
        dataclasses.replace(SLOT, safe_bytes=24 << 20, keep_bytes=100 << 20, kept_bytes=80 << 20),
        Verdict.WARNING,
        "one that loses its WAL when 24 MB more are written (80 MB are kept)",
    ),
    "not read": (dataclasses.replace(SLOT, active_pid=None), Verdict.WARNING, "one that no one reads"),
}


@pytest.mark.parametrize(("slot", "verdict", "found"), SLOTS.values(), ids=SLOTS)
def test_slot_is_judged(slot: SlotRow | None, verdict: Verdict, found: str) -> None:
    finding = server(slot=slot)["slot"]

    assert (finding.status, finding.found) == (verdict, found)
    assert finding.remedy


MISSING_RIGHTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "replication": ({"replication": False}, "rights.replication", 'ALTER ROLE "rowferry" REPLICATION;'),
    "key types": ({"closed_schemas": ("ext",)}, "rights.key_types", 'GRANT USAGE ON SCHEMA "ext" TO "rowferry";'),
    "messages": (
        {"forbidden_messages": ("pg_logical_emit_message(boolean,text,text)",)},
        "rights.logical_messages",
        'GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean,text,text) TO "rowferry";',
    ),
}


@pytest.mark.parametrize(("changes", "check", "remedy"), MISSING_RIGHTS.values(), ids=MISSING_RIGHTS)
def test_missing_right_has_the_grant_as_remedy(changes: dict[str, Any], check: str, remedy: str) -> None:
    finding = database(**changes)[check]

    assert (finding.status, finding.remedy, finding.sql) == (Verdict.FAILED, remedy, True)


MISSING = catalog(PHOTOS)
ADD = catalog(PHOTOS, publication=publication())
NOT_OWNED = table(1, "photos", {"id": "bigint"}, owned=False)


@pytest.mark.parametrize(
    ("found", "changes", "verdict"),
    [
        (MISSING, {"owns_publication": None}, Verdict.WARNING),
        (MISSING, {"owns_publication": None, "may_create": False}, Verdict.FAILED),
        (catalog(NOT_OWNED), {"owns_publication": None}, Verdict.FAILED),
        (ADD, {}, Verdict.WARNING),
        (ADD, {"owns_publication": False}, Verdict.FAILED),
        (catalog(NOT_OWNED, publication=publication()), {}, Verdict.FAILED),
    ],
)
def test_publication_that_the_reader_can_mend_is_a_warning(
    found: Catalog, changes: dict[str, Any], verdict: Verdict
) -> None:
    finding = database(found, **changes)["publication"]

    assert finding.status is verdict
    assert finding.sql


TABLES: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "no primary key": (
        {"key": ""},
        Verdict.FAILED,
        'ALTER TABLE "public"."log" ADD COLUMN row_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;',
    ),
    "no identity": (
        {"replica_identity": "n"},
        Verdict.WARNING,
        'ALTER TABLE "public"."log" REPLICA IDENTITY DEFAULT;',
    ),
    "unlogged": ({"persistence": "u"}, Verdict.WARNING, 'ALTER TABLE "public"."log" SET LOGGED;'),
    "view": (
        {"key": "", "kind": "v"},
        Verdict.WARNING,
        "name columns that are unique and never null: setting 'keys': {'public.log': [COLUMN, ...]}, and it is polled; "
        "or leave it out: add 'public.log' to the setting 'exclude'",
    ),
}


@pytest.mark.parametrize(("changes", "verdict", "remedy"), TABLES.values(), ids=TABLES)
def test_table_that_is_not_replicated_is_named_with_its_remedy(
    changes: dict[str, Any], verdict: Verdict, remedy: str
) -> None:
    log = table(2, "log", {"id": "bigint"}, **changes)

    finding = database(catalog(PHOTOS, log, publication=publication((1, "photos"))))["tables.public.log"]

    assert finding.status is verdict
    assert (finding.remedy or "").splitlines()[0] == remedy


KAFKA = KafkaFacts(offsets_retention_minutes=10080, differences=(), topics=4, entries=(), version=100)


def test_kafka_as_it_should_be_is_ok() -> None:
    assert {each.status for each in check_kafka(KAFKA, "rowferry")} == {Verdict.OK}


def test_v7_offsets_that_are_forgotten_before_tombstones_are_a_warning() -> None:
    facts = dataclasses.replace(KAFKA, offsets_retention_minutes=1440)

    [finding] = [each for each in check_kafka(facts, "rowferry") if each.status is not Verdict.OK]

    assert (finding.id, finding.status, finding.found) == ("kafka.offsets_retention", Verdict.WARNING, "1 day")


def test_topic_that_was_altered_has_failed() -> None:
    difference = TopicDifference("cdc._schemas", "cleanup.policy", "compact", "delete", "kafka-configs.sh ...")
    facts = dataclasses.replace(KAFKA, differences=(difference,))

    [finding] = [each for each in check_kafka(facts, "rowferry") if each.status is not Verdict.OK]

    assert finding == failed(
        "kafka.topics.cdc._schemas.cleanup.policy",
        "cleanup.policy=compact",
        "cleanup.policy=delete",
        "kafka-configs.sh ...",
    )


VERSIONS = {
    "older": (99, 100, Verdict.OK),
    "equal": (100, 100, Verdict.OK),
    "newer": (101, 100, Verdict.FAILED),
    "no position": (101, None, Verdict.FAILED),
    "empty index": (None, None, Verdict.OK),
}


@pytest.mark.parametrize(("greatest", "position", "verdict"), VERSIONS.values(), ids=VERSIONS)
def test_v8_index_is_never_ahead_of_the_reader(greatest: int | None, position: int | None, verdict: Verdict) -> None:
    facts = check_vespa(VespaFacts((), greatest), dataclasses.replace(KAFKA, version=position))

    [finding] = [each for each in facts if each.id == "vespa.version"]

    assert finding.status is verdict
    assert finding.remedy == (None if verdict is Verdict.OK else "cdc-reader run --version-seed 101")


def test_v8_versions_are_not_judged_without_kafka() -> None:
    assert "vespa.version" not in [each.id for each in check_vespa(VespaFacts((), 5), None)]


def test_schema_that_lacks_fields_or_types_has_failed() -> None:
    facts = VespaFacts(
        (Lacking("procore_record", ("version", "deleted")), Lacking("procore_schema", (), has_type=False)), None
    )

    found = [each for each in check_vespa(facts, KAFKA) if each.id == "vespa.schema"]

    assert [(each.status, each.expected) for each in found] == [
        (Verdict.FAILED, "fields version, deleted in procore_record"),
        (Verdict.FAILED, "document type procore_schema"),
    ]


FINDINGS = [
    ok("settings", "settings", "read"),
    warning("slot", "a slot", "none yet", "cdc-reader run"),
    failed("rights.select", "SELECT", "none on a", "GRANT 1;\nGRANT 2;", sql=True),
]


def test_remedies_stand_under_what_they_mend() -> None:
    assert to_text(FINDINGS) == (
        "ok       settings       read\n"
        "warning  slot           expected a slot, got none yet\n"
        "         > cdc-reader run\n"
        "failed   rights.select  expected SELECT, got none on a\n"
        "         > GRANT 1;\n"
        "         > GRANT 2;\n"
        "1 ok, 1 warning, 1 failed\n"
    )


def test_warnings_are_no_failure() -> None:
    assert is_healthy(FINDINGS[:2])
    assert not is_healthy(FINDINGS)


def test_json_holds_every_finding() -> None:
    found = to_json(FINDINGS[2:])

    assert found == {
        "healthy": False,
        "checks": [
            {
                "id": "rights.select",
                "status": "failed",
                "expected": "SELECT",
                "found": "none on a",
                "remedy": "GRANT 1;\nGRANT 2;",
                "sql": True,
            }
        ],
    }
