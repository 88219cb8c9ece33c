from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devstack import postgres, postgres_files, postgres_programs
from devstack.errors import DevstackError
from devstack.postgres import PostgresServer
from devstack.processes import Identity
from devstack.users import User
from tests import databases
from tests.databases import Database
from tests.integration.devstack.sockets import listening_addresses
from tests.servers import tell
from tests.waiting import eventually


def ask(server: PostgresServer, query: str) -> Any:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


@pytest.mark.parametrize(
    ("version", "origin"), [(14, None), (15, "maven"), (16, None), (16, "maven"), (17, None), (18, None), (18, "maven")]
)
def test_server_is_of_the_version_asked_for_and_decodes_logically(version: int, origin: str | None) -> None:
    with postgres.start(version=version, origin=origin, say=tell) as server:
        assert ask(server, "SHOW server_version_num")[:2] == str(version)
        assert ask(server, "SHOW wal_level") == "logical"
        assert ask(server, "SELECT lsn IS NOT NULL FROM pg_create_logical_replication_slot('s', 'pgoutput')") is True
        assert databases.has_contrib(server.create_database("made")) is (server.programs.origin == "maven")


CONTRIB = """
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
CREATE EXTENSION postgres_fdw;
SELECT hstore('a', '1')::text, 'A'::citext = 'a'::citext, 'a.b'::ltree <@ 'a'::ltree
"""


def test_extensions_that_ship_with_postgres_are_there_for_tests(
    contrib_database: Database, own_contrib_postgres: PostgresServer
) -> None:
    for database in (contrib_database, databases.create(own_contrib_postgres.dsn)):
        assert database.execute(CONTRIB) == [('"a"=>"1"', True, True)]


def test_wal2json_is_there_for_tests(wal2json_database: Database, own_wal2json_postgres: PostgresServer) -> None:
    """Fails in CI where Debian's packages are missing; is not run elsewhere."""
    for database in (wal2json_database, databases.create(own_wal2json_postgres.dsn)):
        assert database.execute("SELECT current_setting('server_version_num')::int / 10000") == [(15,)]
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        database.execute("SELECT pg_create_logical_replication_slot(current_database() || '_slot', 'wal2json')")
        database.execute("INSERT INTO t VALUES (1)")
        changes = database.execute(
            "SELECT data::json->>'action' FROM pg_logical_slot_get_changes("
            "current_database() || '_slot', NULL, NULL, 'format-version', '2')"
        )
        assert changes == [("B",), ("I",), ("C",)]


def test_kill_and_restart_keep_port_password_and_committed_rows(own_postgres: PostgresServer) -> None:
    before = own_postgres.dsn
    with psycopg.connect(own_postgres.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
        backend = Identity.of(connection.info.backend_pid)
        own_postgres.kill()
        assert backend is not None
        assert not backend.alive()
    assert own_postgres.healthy() is False
    own_postgres.restart()
    assert own_postgres.dsn == before
    assert ask(own_postgres, "SELECT count(*) FROM kept") == 1000


def test_restart_takes_settings_and_keeps_those_of_before(own_postgres: PostgresServer) -> None:
    own_postgres.restart({"wal_level": "replica", "wal_sender_timeout": "7s"})
    own_postgres.restart({"work_mem": "5MB"})
    assert ask(own_postgres, "SHOW wal_level") == "replica"
    assert ask(own_postgres, "SHOW wal_sender_timeout") == "7s"
    assert ask(own_postgres, "SHOW work_mem") == "5MB"


def test_it_can_be_stopped_and_started_again(own_postgres: PostgresServer) -> None:
    own_postgres.stop()
    assert (own_postgres.alive, own_postgres.healthy()) == (False, False)
    own_postgres.restart()
    assert (own_postgres.alive, own_postgres.healthy()) == (True, True)


def test_client_that_keeps_it_up_is_seen_and_nothing_is_killed(own_postgres: PostgresServer) -> None:
    ask(own_postgres, "SELECT pg_create_logical_replication_slot('s', 'pgoutput')::text")
    with closing(psycopg.connect(own_postgres.dsn, autocommit=True, replication="database")) as silent:
        options = "proto_version '1', publication_names 'none'"
        silent.execute(f"START_REPLICATION SLOT s LOGICAL 0/0 ({options})".encode())
        with pytest.raises(DevstackError, match=r"^postgres has not shut down within 0.5 s: does a client of repl"):
            own_postgres.stop(0.5)
        assert own_postgres.alive
    own_postgres.stop()
    assert not own_postgres.alive


def test_folder_is_used_again_with_its_data_and_port(tmp_path: Path) -> None:
    with postgres.start(tmp_path, 16) as first:
        first.create_database("kept")
        dsn = first.dsn
    with postgres.start(tmp_path) as second:
        assert second.dsn == dsn
        assert ask(second, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1
        with pytest.raises(DevstackError, match=r"^postgres already runs with the data in "):
            postgres.start(tmp_path)
    second.wipe()
    assert not tmp_path.exists()


def test_it_listens_on_loopback_only_and_on_no_unix_socket(own_postgres: PostgresServer) -> None:
    assert listening_addresses(own_postgres.port) == {"127.0.0.1"}
    assert ask(own_postgres, "SHOW unix_socket_directories") == ""


@pytest.mark.parametrize("user", ["postgres", "nobody"])
def test_nobody_enters_without_the_password(own_postgres: PostgresServer, user: str) -> None:
    for replication in ("false", "database"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(
                host="127.0.0.1",
                port=own_postgres.port,
                user=user,
                password="x",
                dbname="postgres",
                replication=replication,
            )


def test_its_programs_work_against_it(own_postgres: PostgresServer) -> None:
    own_postgres.create_database("bench")
    argv = [str(own_postgres.bin_dir / "pgbench"), "-i", "-q", own_postgres.dsn_of("bench")]
    subprocess.run(argv, check=True, capture_output=True)
    with psycopg.connect(own_postgres.dsn_of("bench")) as connection:
        assert connection.execute("SELECT count(*) FROM pgbench_accounts").fetchone() == (100_000,)


def test_it_never_runs_as_root(own_postgres: PostgresServer) -> None:
    identity = own_postgres.record.process
    assert identity is not None
    assert Path(f"/proc/{identity.pid}").stat().st_uid != 0


def test_folders_above_the_data_are_not_opened_for_its_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with postgres.start(closed / "data") as server:
        assert closed.stat().st_mode & 0o777 == 0o700
        assert (closed.stat().st_uid, server.healthy()) == (os.getuid(), True)
        home = (closed / "data" / "home").resolve()
        assert home.stat().st_mode & 0o777 == 0o700
    server.wipe()
    assert not home.exists()


def test_programs_that_its_user_cannot_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = postgres_programs.find(16, "wheel")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in installed.parts:
        shutil.copytree(part, closed / part.relative_to(installed.base), ignore=shutil.ignore_patterns("*.a", "pgxs"))
    reader = next(closed.glob("*/*/share/postgresql/postgres.bki"))
    reader.chmod(0o600)
    monkeypatch.setattr(
        postgres_programs, "in_wheel", lambda: {16: closed / installed.root.relative_to(installed.base)}
    )
    with postgres.start(version=16) as server:
        assert ask(server, "SELECT 1") == 1
        assert closed.stat().st_mode & 0o777 == 0o700
        assert (reader.stat().st_uid, reader.stat().st_mode & 0o777) == (os.getuid(), 0o600)


def test_wrong_setting_is_one_line_with_postgres_own_words() -> None:
    with pytest.raises(
        DevstackError, match=r"^postgres did not start: [^\n]*FATAL[^\n]*contains errors[^\n]* \(all: \S+\)$"
    ):
        postgres.start(settings={"wal_level": "nonsense"})


def test_taken_port_is_one_line(own_postgres: PostgresServer) -> None:
    with pytest.raises(DevstackError, match=rf"^port {own_postgres.port} on 127\.0\.0\.1 is taken; "):
        postgres.start(port=own_postgres.port)


def test_failed_initdb_is_one_line_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_files, "_INITDB_OPTIONS", ("--locale=no_such_locale",))
    folders: list[Path] = []
    made_home = postgres_files.home

    def home(folder: Path, user: User | None) -> Path:
        folders.extend([folder, made_home(folder, user)])
        return folders[-1]

    monkeypatch.setattr(postgres_files, "home", home)
    with pytest.raises(DevstackError, match=r"^initdb failed with exit 1: initdb: error: [^\n]*locale"):
        postgres.start()
    assert [folder.exists() for folder in folders] == [False, False]


def test_paused_server_answers_again_when_it_is_resumed(own_postgres: PostgresServer) -> None:
    with psycopg.connect(own_postgres.dsn, autocommit=True) as connection:
        own_postgres.pause()
        assert own_postgres.alive
        assert not own_postgres.healthy()
        own_postgres.resume()
        assert connection.execute("SELECT 1").fetchone() == (1,)
    eventually(own_postgres.healthy, 150, "an answer of the resumed server")


def test_killed_server_leaves_no_shared_memory_behind() -> None:
    def segments() -> set[str]:
        return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}

    with postgres.start() as server:
        line = (server.cluster / "postmaster.pid").read_text().splitlines()[6]
        segment = line.split()[1]
        assert segment in segments()
        server.kill()
    assert segment not in segments()
