"""The doctor's checks of the database: each is broken, and mended by carrying out the remedy that is printed."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from cdc_reader.postgres.connections import connect, translated
from cdc_reader.postgres.replication import ReplicationStream
from devstack.postgres import PostgresServer
from schemas.errors import AccessDenied, ServerSetting
from tests import databases
from tests.databases import Database, Role, url
from tests.integration.cdc_reader.readers import Reader
from tests.integration.rowferry.commands import Rowferry
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
    "no select on the root of partitions": (
        "CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (9);"
        "GRANT SELECT ON part_1 TO {role}; ALTER PUBLICATION rowferry ADD TABLE part_1",
        "rights.select",
    ),
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
    "no primary key, and a column of the new one's name": (
        "CREATE TABLE log (row_number integer)",
        "tables.public.log",
    ),
    "a unique index": (
        'CREATE TABLE log (a integer NOT NULL, b integer); CREATE UNIQUE INDEX "of A" ON log (a) INCLUDE (b)',
        "tables.public.log",
    ),
    "a unique index in another order": (
        "CREATE TABLE log (a integer NOT NULL); CREATE UNIQUE INDEX ON log (a DESC)",
        "tables.public.log",
    ),
    "a unique index of another class": (
        "CREATE TABLE log (a text NOT NULL); CREATE UNIQUE INDEX ON log (a text_pattern_ops)",
        "tables.public.log",
    ),
    "a unique constraint": ("CREATE TABLE log (a integer NOT NULL UNIQUE, b integer)", "tables.public.log"),
    "unique, but for what may be null": ("CREATE TABLE log (a integer UNIQUE)", "tables.public.log"),
    "unique in parts": (
        "CREATE TABLE log (a integer NOT NULL); CREATE UNIQUE INDEX ON log (a) WHERE a > 0;"
        "CREATE UNIQUE INDEX ON log (abs(a))",
        "tables.public.log",
    ),
    "a unique constraint that is the identity": (
        "CREATE TABLE log (a integer NOT NULL UNIQUE); ALTER TABLE log REPLICA IDENTITY USING INDEX log_a_key",
        "tables.public.log",
    ),
    "unlogged without a key": ("CREATE UNLOGGED TABLE log (a integer)", "tables.public.log"),
    "partitioned without a key": (
        "CREATE TABLE log (day date, a integer) PARTITION BY RANGE (day);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
        "INSERT INTO log VALUES ('2026-05-05', 1), ('2026-05-05', 1); ALTER TABLE log_1 REPLICA IDENTITY FULL",
        "tables.public.log",
    ),
    "partitioned with a unique constraint": (
        "CREATE TABLE log (day date NOT NULL, a integer NOT NULL, UNIQUE (day, a)) PARTITION BY RANGE (day);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "tables.public.log",
    ),
    "no identity": (
        "CREATE TABLE log (id integer PRIMARY KEY); ALTER TABLE log REPLICA IDENTITY NOTHING",
        "tables.public.log",
    ),
    "identity without the key": (
        "CREATE TABLE log (id integer PRIMARY KEY, n integer NOT NULL UNIQUE);"
        "ALTER TABLE log REPLICA IDENTITY USING INDEX log_n_key",
        "tables.public.log",
    ),
    "a partition that only an administrator may publish": (
        "CREATE TABLE log (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (9);"
        "ALTER PUBLICATION rowferry ADD TABLE log_1; CREATE SCHEMA closed;"
        "CREATE TABLE closed.log_2 PARTITION OF log FOR VALUES FROM (9) TO (99)",
        "tables.closed.log_2",
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


@pytest.mark.remedy(
    "ALTER ROLE {} REPLICATION;",
    "GRANT SELECT ON {} TO {};",
    "GRANT USAGE ON SCHEMA {} TO {};",
    "ALTER ROLE {} BYPASSRLS;",
    "GRANT EXECUTE ON FUNCTION {}",
    "CREATE PUBLICATION {}",
    "{} ADD TABLE",
    "{} DROP TABLE",
    "{} SET ({})",
    "DROP PUBLICATION {}",
    "ADD COLUMN {} bigint",
    "ADD COLUMN {} bigserial",
    "ADD PRIMARY KEY ({})",
    "ADD PRIMARY KEY USING INDEX",
    "REPLICA IDENTITY DEFAULT",
    "REPLICA IDENTITY FULL",
    "SET LOGGED",
)
@pytest.mark.parametrize(("statements", "check"), BROKEN.values(), ids=BROKEN)
def test_remedy_mends_the_database(patient: Patient, statements: str, check: str) -> None:
    assert patient.examine().get(check, {"status": "ok"})["status"] == "ok"
    patient.database.execute(statements.replace("{role}", patient.role.name))

    finding = patient.examine()[check]
    # What is polled is captured, only later.
    expected = "warning" if ": polling, " in finding["found"] else "failed"
    assert (finding["status"], finding["sql"]) == (expected, True)
    patient.run_sql(finding["remedy"])

    assert patient.examine().get(check, {"status": "ok"})["status"] == "ok"


def test_partitions_are_read_with_the_rights_on_their_root(patient: Patient) -> None:
    """As the reader reads them: a snapshot of the table is a SELECT of its root."""
    patient.database.execute(
        "CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (9);"
        f"GRANT SELECT ON parts TO {patient.role.name};"
        "ALTER TABLE part_1 ENABLE ROW LEVEL SECURITY; ALTER PUBLICATION rowferry ADD TABLE part_1"
    )

    assert {name for name, each in patient.examine().items() if each["status"] == "failed"} == set()


NO_STATEMENT_DOES = {
    "partitioned by an expression": "CREATE TABLE log (a integer) PARTITION BY RANGE (abs(a))",
    "a partition has a key of its own": (
        "CREATE TABLE log (a integer) PARTITION BY RANGE (a);"
        "CREATE TABLE log_1 (a integer PRIMARY KEY); ALTER TABLE log ATTACH PARTITION log_1 FOR VALUES FROM (1) TO (9)"
    ),
    "a key whose text depends on the session": "CREATE TABLE log (a money PRIMARY KEY)",
}


@pytest.mark.remedy("leave it out: add {} to the setting 'exclude'")
@pytest.mark.parametrize("statements", NO_STATEMENT_DOES.values(), ids=NO_STATEMENT_DOES)
def test_table_that_no_statement_makes_fit_is_left_out(patient: Patient, statements: str) -> None:
    patient.database.execute(statements)

    finding = patient.examine()["tables.public.log"]
    assert (finding["status"], finding["sql"]) == ("failed", False)
    told = re.search(r"leave it out: add '([a-z.]+)' to the setting 'exclude'$", finding["remedy"])
    assert told is not None
    patient.flags += ["--exclude", told[1]]

    assert "tables.public.log" not in patient.examine()


@pytest.mark.remedy("cdc-reader run makes it when it starts")
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


@pytest.mark.remedy("SELECT pg_drop_replication_slot")
def test_slot_of_another_database_is_mended(patient: Patient, topic_prefix: str) -> None:
    other = databases.create(patient.database.server_dsn)
    try:
        other.execute(FOREIGN_SLOT.replace("{slot}", f"slot_{topic_prefix}"))
        finding = patient.examine()["slot"]
        assert (finding["status"], finding["sql"]) == ("failed", False), "SQL would be copied without a thought"
        words, _, statement = finding["remedy"].partition(": ")
        assert words == "correct database_url, or choose another `slot`; or, only if no one needs that one"
        patient.run_sql(statement)
    finally:
        other.close()

    assert patient.examine()["slot"]["found"] == "none yet"


@pytest.mark.remedy("ALTER SYSTEM SET wal_level")
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


@pytest.mark.remedy(
    "ALTER SYSTEM SET synchronous_standby_names",
    "ALTER SYSTEM SET wal_sender_timeout",
    "ALTER SYSTEM SET max_slot_wal_keep_size",
)
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


def test_owner_makes_the_publication_as_the_tutorial_says(
    capsys: pytest.CaptureFixture[str], own_postgres: PostgresServer, neighbours: list[str]
) -> None:
    """Every line of SQL on the page, as it stands there, on a server that has none of it."""
    page = (Path(__file__).parents[3] / "docs" / "tutorial" / "own-database.md").read_text()
    server, role, right = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    administrator = Database("app", own_postgres.create_database("app"), own_postgres.dsn)
    administrator.execute("CREATE ROLE app_owner LOGIN PASSWORD 'of_owner'; GRANT CREATE ON SCHEMA public TO app_owner")
    administrator.execute("CREATE TABLE orders (id int PRIMARY KEY); ALTER TABLE orders OWNER TO app_owner")
    owner = Database("app", url(administrator.dsn, user="app_owner", password="of_owner"), own_postgres.dsn)
    ours = Role("rowferry", "secret", url(administrator.dsn, user="rowferry", password="secret"))
    patient = Patient(administrator, ours, Rowferry(capsys, "--database-url", ours.dsn, *neighbours))
    patient.run_sql(server)
    own_postgres.restart()
    patient.run_sql(role)

    remedy = patient.examine()["publication"]["remedy"]
    as_owner = Patient(owner, ours, patient.rowferry)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_owner.run_sql(remedy)
    patient.run_sql(right)
    as_owner.run_sql(remedy)
    assert {name: each["found"] for name, each in patient.examine().items() if each["status"] == "failed"} == {}

    owner.execute("CREATE TABLE invoices (id int PRIMARY KEY)")
    patient.run_sql("GRANT SELECT ON invoices TO rowferry")
    as_owner.run_sql(patient.examine()["publication"]["remedy"])
    assert patient.examine()["publication"]["status"] == "ok"


SLOT_OF_ANOTHER = "SELECT pg_create_physical_replication_slot('of_another')"


@pytest.mark.remedy("run `rowferry doctor`: it names the server setting to change")
@pytest.mark.parametrize("setting", ["max_wal_senders", "max_replication_slots"])
def test_server_without_a_free_place_is_named_by_doctor(
    own_patient: Patient, own_postgres: PostgresServer, setting: str
) -> None:
    """The limit that is there is above what some other would be."""
    other = own_patient.database
    if setting == "max_replication_slots":
        other.execute(SLOT_OF_ANOTHER)
    own_postgres.restart({setting: 1})
    with closing(psycopg.connect(other.dsn, autocommit=True, replication="database")):  # type: ignore[call-overload]
        with pytest.raises(ServerSetting) as caught, closing(stream(other)) as ours:
            ours.execute("CREATE_REPLICATION_SLOT ours LOGICAL pgoutput")
        assert caught.value.remedy == "run `rowferry doctor`: it names the server setting to change"
        finding = own_patient.examine()[f"database.{setting}"]
        assert finding["status"] == "failed"
        own_patient.run_sql(finding["remedy"])
    own_postgres.restart()

    with closing(psycopg.connect(other.dsn, autocommit=True, replication="database")), closing(stream(other)) as ours:  # type: ignore[call-overload]
        ours.execute("CREATE_REPLICATION_SLOT ours LOGICAL pgoutput")
    assert own_patient.examine()[f"database.{setting}"]["status"] == "ok"


def stream(database: Database) -> ReplicationStream:
    return ReplicationStream(database.dsn, application_name="test", status_interval_s=10)


@pytest.mark.remedy("run `rowferry doctor`: it prints the statement that grants what is missing")
def test_right_that_is_missing_is_granted_by_what_doctor_prints(patient: Patient) -> None:
    patient.database.execute(f"REVOKE SELECT ON photos FROM {patient.role.name}")
    with closing(connect(patient.role.dsn, application_name="test")) as connection:
        with pytest.raises(AccessDenied) as caught, translated("read a table"):
            connection.execute("SELECT * FROM photos")
        assert caught.value.remedy == "run `rowferry doctor`: it prints the statement that grants what is missing"
        patient.run_sql(patient.examine()["rights.select"]["remedy"])

        with translated("read a table"):
            connection.execute("SELECT * FROM photos")
