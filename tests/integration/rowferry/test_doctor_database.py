"""The doctor's checks of the database: each is broken, and mended by carrying out the remedy that is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.postgres import PostgresServer
from tests import databases
from tests.integration.cdc_reader.readers import Reader
from tests.integration.rowferry.patients import Patient


def test_healthy_pipeline_has_no_failure(patient: Patient) -> None:
    found = patient.examine()

    assert {name: each["found"] for name, each in found.items() if each["status"] == "failed"} == {}
    assert found["database.reachable"]["found"] == f"database '{patient.database.name}' as '{patient.role.name}'"
    assert found["slot"]["found"] == "none yet"


NO_MESSAGES = """
DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE proname = 'pg_logical_emit_message' LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$
"""
FOREIGN_SLOT = "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"

BROKEN = {
    "no replication attribute": ("ALTER ROLE {role} NOREPLICATION", "rights.replication"),
    "no select": ("REVOKE SELECT ON photos FROM {role}", "rights.select"),
    "no usage of the schema": ("REVOKE USAGE ON SCHEMA public FROM PUBLIC", "rights.select"),
    "no usage of the schema of a key's type": (
        "CREATE SCHEMA ext; CREATE TYPE ext.state AS ENUM ('on'); CREATE DOMAIN state AS ext.state;"
        "CREATE TABLE more (id state PRIMARY KEY); GRANT SELECT ON more TO {role}",
        "rights.key_types",
    ),
    "row security": ("ALTER TABLE photos ENABLE ROW LEVEL SECURITY", "rights.row_security"),
    "no logical messages": (NO_MESSAGES, "rights.logical_messages"),
    "no publication": ("DROP PUBLICATION rowferry", "publication"),
    "a table is not published": (
        "CREATE TABLE more (id integer PRIMARY KEY); GRANT SELECT ON more TO {role}",
        "publication",
    ),
    "a partition is not published": (
        "CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (9)",
        "publication",
    ),
    "publication of all tables": (
        "DROP PUBLICATION rowferry; CREATE PUBLICATION rowferry FOR ALL TABLES",
        "publication",
    ),
    "not all operations are published": ("ALTER PUBLICATION rowferry SET (publish = 'insert')", "publication"),
    "published by the root": (
        "ALTER PUBLICATION rowferry SET (publish_via_partition_root = true)",
        "publication",
    ),
    "a published key was dropped": ("ALTER TABLE photos DROP CONSTRAINT photos_pkey", "publication"),
    "no primary key": ("CREATE TABLE log (a integer)", "tables.public.log"),
    "no identity": (
        "CREATE TABLE log (id integer PRIMARY KEY); ALTER TABLE log REPLICA IDENTITY NOTHING",
        "tables.public.log",
    ),
    "identity without the key": (
        "CREATE TABLE log (id integer PRIMARY KEY, n integer NOT NULL UNIQUE);"
        "ALTER TABLE log REPLICA IDENTITY USING INDEX log_n_key",
        "tables.public.log",
    ),
    "deferrable key": (
        "CREATE TABLE log (id integer PRIMARY KEY DEFERRABLE)",
        "tables.public.log",
    ),
    "unlogged table": ("CREATE UNLOGGED TABLE log (id integer PRIMARY KEY)", "tables.public.log"),
    "partition without identity": (
        "CREATE TABLE log (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (9);"
        "ALTER TABLE log_1 REPLICA IDENTITY NOTHING",
        "tables.public.log",
    ),
}


@pytest.mark.parametrize(("statements", "check"), BROKEN.values(), ids=BROKEN)
def test_remedy_mends_the_database(patient: Patient, statements: str, check: str) -> None:
    assert patient.examine().get(check, {"status": "ok"})["status"] == "ok"
    patient.database.execute(statements.replace("{role}", patient.role.name))

    finding = patient.examine()[check]
    assert (finding["status"], finding["sql"]) == ("failed", True)
    patient.run_sql(finding["remedy"])

    assert patient.examine().get(check, {"status": "ok"})["status"] == "ok"


def test_reader_with_the_rights_mends_its_publication_itself(
    patient: Patient, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    patient.database.execute(
        f"DROP PUBLICATION rowferry; GRANT CREATE ON DATABASE {patient.database.name} TO {patient.role.name};"
        f"ALTER TABLE photos OWNER TO {patient.role.name}"
    )
    before = patient.examine()
    assert (before["publication"]["status"], before["slot"]["status"]) == ("warning", "warning")
    assert before["slot"]["remedy"].startswith("cdc-reader run")

    reader = Reader(patient.database, kafka, topic_prefix, tmp_path, dsn=patient.role.dsn)
    try:
        reader.start().snapshots_over(1).caught_up()
        after = patient.examine()
    finally:
        reader.close()

    assert (after["publication"]["status"], after["slot"]["status"]) == ("ok", "ok")


def test_slot_of_another_database_is_mended(patient: Patient, topic_prefix: str) -> None:
    other = databases.create(patient.database.server_dsn)
    try:
        other.execute(FOREIGN_SLOT.replace("{slot}", f"slot_{topic_prefix}"))
        finding = patient.examine()["slot"]
        assert (finding["status"], finding["sql"]) == ("failed", True)
        patient.run_sql(finding["remedy"])
    finally:
        other.close()

    assert patient.examine()["slot"]["found"] == "none yet"


def test_remedies_mend_settings_that_need_a_restart(own_patient: Patient, own_postgres: PostgresServer) -> None:
    own_patient.database.execute("SELECT pg_create_physical_replication_slot('of_another')")
    own_postgres.restart({"wal_level": "replica", "max_replication_slots": 1, "max_wal_senders": 0})

    found = own_patient.examine()
    broken = ["database.max_replication_slots", "database.max_wal_senders", "database.wal_level"]
    assert sorted(name for name, each in found.items() if each["status"] == "failed") == broken
    for check in broken:
        assert found[check]["remedy"].endswith("-- then restart the server")
        own_patient.run_sql(found[check]["remedy"])
    own_postgres.restart()

    found = own_patient.examine()
    assert [found[check]["status"] for check in broken] == ["ok", "ok", "ok"]


def test_remedies_mend_settings_that_are_loaded_again(own_patient: Patient, own_postgres: PostgresServer) -> None:
    # Without `local`, nothing would ever be committed: the standby that is waited for does not exist.
    own_postgres.restart(
        {
            "synchronous_standby_names": 'FIRST 1 ("rowferry-rowferry", other)',
            "synchronous_commit": "local",
            "wal_sender_timeout": "2s",
        }
    )

    found = own_patient.examine()
    expected = {
        "database.synchronous_standby_names": "failed",
        "database.wal_sender_timeout": "warning",
        "database.max_slot_wal_keep_size": "warning",
    }
    assert {check: found[check]["status"] for check in expected} == expected
    for check in expected:
        own_patient.run_sql(found[check]["remedy"])

    found = own_patient.examine()
    assert {check: found[check]["status"] for check in expected} == dict.fromkeys(expected, "ok")
    assert found["database.synchronous_standby_names"]["found"] == "'FIRST 1 (other)'"
