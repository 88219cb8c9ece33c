"""A server that does not let us in: what is said, with which code, and that the remedy helps as it is printed."""

from __future__ import annotations

import re
import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cdc_reader.postgres.connections import NoConnectionLeft, connect
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.replication import ReplicationStream
from devstack.postgres import PostgresServer
from schemas.errors import AccessDenied, RowferryError, ServerSetting, SettingsError, SlotBusy, Unreachable
from tests import databases
from tests.databases import Database, Role
from tests.relay import relay
from tests.tls_front import certificate, tls_front
from tests.waiting import eventually


def refusal(dsn: str) -> RowferryError | None:
    """Why we are not let in; None when we are."""
    try:
        connect(dsn, application_name="test").close()
    except RowferryError as exc:
        return exc
    return None


def run_as_printed(server: str, remedy: str, database: Database, role: Role) -> None:
    """As an administrator: what stands for names of theirs is put in."""
    statement = remedy.replace("<the database of database_url>", database.name)
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(statement.replace("<the user of database_url>", role.name).encode())


@pytest.mark.remedy("GRANT CONNECT ON DATABASE", "ALTER ROLE <the user of database_url> LOGIN;")
@pytest.mark.parametrize(
    "statement",
    ["REVOKE CONNECT ON DATABASE {database} FROM PUBLIC", "ALTER ROLE {role} NOLOGIN"],
    ids=["no right to connect", "no login"],
)
def test_statement_that_is_printed_lets_us_in(database: Database, statement: str) -> None:
    role = database.create_role()
    assert refusal(role.dsn) is None
    database.execute(statement.format(database=database.name, role=role.name))

    refused = refusal(role.dsn)
    assert isinstance(refused, AccessDenied)
    run_as_printed(database.dsn, str(refused.remedy), database, role)

    assert refusal(role.dsn) is None


@pytest.mark.remedy("check user and password of database_url", "check user and database name of database_url")
@pytest.mark.parametrize("wrong", [{"password": "mistaken"}, {"user": "nobody_at_all"}, {"dbname": "no_such_database"}])
def test_what_the_url_has_wrong_is_named(own_postgres: PostgresServer, wrong: dict[str, str]) -> None:
    """On a server of our own: one that was named may trust whoever comes."""
    right = conninfo_to_dict(databases.create(own_postgres.dsn).dsn)

    refused = refusal(make_conninfo(**{**right, **wrong}))

    assert isinstance(refused, AccessDenied)
    (name,) = wrong
    assert {"password": "password", "user": "user", "dbname": "database"}[name] in str(refused.remedy)
    assert "mistaken" not in f"{refused}{refused.remedy}"
    assert refusal(make_conninfo(**right)) is None


@pytest.mark.remedy("add a line for this user, database and host to pg_hba.conf")
def test_host_without_a_line_is_let_in_by_one(own_postgres: PostgresServer) -> None:
    own = databases.create(own_postgres.dsn)
    role = own.create_role()
    with own.connect() as connection:
        lines = Path(str(connection.execute("SHOW hba_file").fetchall()[0][0]))
    before = lines.read_text()
    lines.write_text(before.replace("host all all", "host all postgres"))
    own.execute("SELECT pg_reload_conf()")
    refused = eventually(lambda: refusal(role.dsn), what="the lines to be read")
    assert isinstance(refused, AccessDenied)
    asked = re.search(r"SELECT pg_reload_conf\(\)", str(refused.remedy))
    assert asked is not None
    lines.write_text(f"{before}host {own.name} {role.name} 127.0.0.1/32 scram-sha-256\n")
    own.execute(asked[0])

    eventually(lambda: refusal(role.dsn) is None, what="the lines to be read")


@pytest.mark.remedy("set sslmode in database_url to disable or prefer")
def test_server_without_tls_is_reached_without(database: Database) -> None:
    refused = refusal(make_conninfo(database.dsn, sslmode="require"))

    assert isinstance(refused, SettingsError)
    asked = re.search("set sslmode in database_url to ([a-z]+) or ([a-z]+)", str(refused.remedy))
    assert asked is not None
    assert [refusal(make_conninfo(database.dsn, sslmode=mode)) for mode in asked.groups()] == [None, None]


@pytest.mark.remedy("check sslmode and sslrootcert of database_url")
def test_certificate_that_is_not_known_is_named(database: Database, tmp_path: Path) -> None:
    parts = conninfo_to_dict(database.dsn)
    public, private = certificate(tmp_path)
    with tls_front((str(parts["host"]), int(str(parts["port"]))), public, private) as port:
        dsn = make_conninfo(database.dsn, port=port, sslmode="verify-full")
        refused = refusal(make_conninfo(dsn, sslrootcert=str(tmp_path / "none.crt")))
        assert isinstance(refused, SettingsError)
        assert "sslrootcert" in str(refused.remedy)
        other, _ = certificate(_made(tmp_path / "other"))
        assert isinstance(refusal(make_conninfo(dsn, sslrootcert=str(other))), SettingsError)

        assert refusal(make_conninfo(dsn, sslrootcert=str(public))) is None


@pytest.mark.remedy("check sslcert and sslkey of database_url")
@pytest.mark.parametrize("broken", ["not there", "open to everybody"])
def test_key_of_our_own_certificate_is_named(database: Database, tmp_path: Path, broken: str) -> None:
    parts = conninfo_to_dict(database.dsn)
    public, private = certificate(tmp_path)
    key = tmp_path / "client.key"
    with tls_front((str(parts["host"]), int(str(parts["port"]))), public, private) as port:
        dsn = make_conninfo(database.dsn, port=port, sslmode="require", sslcert=str(public), sslkey=str(key))
        if broken == "open to everybody":
            key.write_bytes(private.read_bytes())
            key.chmod(0o644)
        assert isinstance(refusal(dsn), AccessDenied)
        key.write_bytes(private.read_bytes())
        key.chmod(0o600)

        assert refusal(dsn) is None


@pytest.mark.remedy("check sslmode and sslrootcert of database_url")
def test_certificate_of_another_host_is_taken_where_the_name_is_not_asked_for(
    database: Database, tmp_path: Path
) -> None:
    parts = conninfo_to_dict(database.dsn)
    public, private = certificate(tmp_path, "elsewhere.example")
    with tls_front((str(parts["host"]), int(str(parts["port"]))), public, private) as port:
        dsn = make_conninfo(database.dsn, port=port, sslrootcert=str(public))
        assert isinstance(refusal(make_conninfo(dsn, sslmode="verify-full")), SettingsError)

        assert refusal(make_conninfo(dsn, sslmode="verify-ca")) is None


@pytest.mark.remedy("check host and port of database_url and that the server runs")
def test_server_that_is_not_there_is_found_by_its_port_or_started(own_postgres: PostgresServer) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        refused = refusal(make_conninfo(own_postgres.dsn, port=other.getsockname()[1]))
    assert isinstance(refused, Unreachable)
    assert refused.remedy == "check host and port of database_url and that the server runs"
    assert refusal(own_postgres.dsn) is None
    own_postgres.stop()
    refused = refusal(own_postgres.dsn)
    assert refused is not None
    assert refused.remedy == "check host and port of database_url and that the server runs"
    own_postgres.restart()

    assert refusal(own_postgres.dsn) is None


@pytest.mark.remedy("end connections, or raise max_connections or the CONNECTION LIMIT")
def test_connections_that_are_all_taken_are_ended_or_made_more(own_postgres: PostgresServer) -> None:
    asked = "end connections, or raise max_connections or the CONNECTION LIMIT of the user of database_url"
    own = databases.create(own_postgres.dsn)
    role = own.create_role("CONNECTION LIMIT 1")
    with closing(psycopg.connect(role.dsn)):
        assert getattr(refusal(role.dsn), "remedy", None) == asked
        own.execute(f"ALTER ROLE {role.name} CONNECTION LIMIT 2")
        assert refusal(role.dsn) is None
        own.execute(f"ALTER ROLE {role.name} CONNECTION LIMIT 1")
        assert isinstance(refusal(role.dsn), NoConnectionLeft)
    eventually(lambda: refusal(role.dsn) is None, what="the other connection to be over")

    own.execute(f"ALTER ROLE {role.name} CONNECTION LIMIT -1")
    own_postgres.restart({"max_connections": 5})  # three of them for superusers
    with closing(psycopg.connect(role.dsn)), closing(psycopg.connect(role.dsn)):
        assert getattr(refusal(role.dsn), "remedy", None) == asked
    with own.connect() as connection:
        connection.execute("ALTER SYSTEM SET max_connections = 6")
    own_postgres.restart()
    with closing(psycopg.connect(role.dsn)), closing(psycopg.connect(role.dsn)):
        assert refusal(role.dsn) is None


@pytest.mark.remedy("percent-encode user and password, and look at the options behind '?'")
@pytest.mark.parametrize("what", ["password", "options"])
def test_url_that_cannot_be_read_is_encoded(own_postgres: PostgresServer, what: str) -> None:
    own = databases.create(own_postgres.dsn)
    role = own.create_role()
    own.execute(f"ALTER ROLE {role.name} PASSWORD 'of@it?all=1'")
    wrong = role.dsn.replace(role.password, "of@it?all=1")
    right = role.dsn.replace(role.password, quote("of@it?all=1", safe=""))
    if what == "options":
        wrong, right = f"{right}?sslmod=prefer", f"{right}?sslmode=prefer"

    refused = refusal(wrong)

    assert isinstance(refused, SettingsError)
    assert refused.remedy == "percent-encode user and password, and look at the options behind '?'"
    assert refusal(right) is None


@pytest.mark.remedy("stop the other reader of this slot")
def test_slot_that_something_else_reads_is_free_when_that_is_stopped(database: Database) -> None:
    """What takes no lock of ours, as other programs do."""
    options = {"proto_version": "1", "publication_names": "none"}
    database.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (database.name,))
    with closing(ReplicationStream(database.dsn, application_name="other", status_interval_s=1)) as other:
        other.start(database.name, Lsn(0), options)
        with closing(ReplicationStream(database.dsn, application_name="ours", status_interval_s=1)) as ours:
            with pytest.raises(SlotBusy) as caught:
                ours.start(database.name, Lsn(0), options)
            assert caught.value.remedy == "stop the other reader of this slot"
    active = "SELECT active FROM pg_replication_slots WHERE slot_name = %s"
    eventually(lambda: database.execute(active, (database.name,)) == [(False,)], what="the slot to be free")

    with closing(ReplicationStream(database.dsn, application_name="ours", status_interval_s=1)) as ours:
        ours.start(database.name, Lsn(0), options)


@pytest.mark.remedy("let database_url name the server itself, or a pooler that keeps the settings of a session")
def test_pooler_that_keeps_no_settings_is_passed_by(database: Database) -> None:
    """What the server reports of a setting is another's by the time it comes."""
    parts = conninfo_to_dict(database.dsn)
    with relay(
        (str(parts["host"]), int(str(parts["port"]))), lambda data: data.replace(b"TimeZone\0UTC", b"TimeZone\0GMT")
    ) as pooler:
        refused = refusal(make_conninfo(database.dsn, port=pooler.port))
    assert isinstance(refused, ServerSetting)
    assert refused.remedy == "let database_url name the server itself, or a pooler that keeps the settings of a session"
    with relay((str(parts["host"]), int(str(parts["port"])))) as pooler:
        assert refusal(make_conninfo(database.dsn, port=pooler.port)) is None

    assert refusal(database.dsn) is None


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
