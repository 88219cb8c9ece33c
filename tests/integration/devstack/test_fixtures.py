"""The fixtures that all other integration tests stand on."""

from __future__ import annotations

import urllib.request

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests import databases
from tests.databases import Database
from tests.servers import Choices, Desk, DeskClient, NoServer, Pool, VespaAddress

_PHOTOS = 153  # 7,631 by the factor of the template


def test_database_is_empty_and_logical_decoding_works_in_it(database: Database) -> None:
    assert database.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    made = database.execute("SELECT slot_name FROM pg_create_logical_replication_slot('fixture_test', 'pgoutput')")
    assert made == [("fixture_test",)]


def test_database_goes_with_its_slots_roles_and_clients(postgres_dsn: str) -> None:
    with databases.temporary(postgres_dsn) as gone:
        role = gone.create_role("REPLICATION")
        gone.execute("SELECT pg_create_logical_replication_slot(current_database() || '_slot', 'pgoutput')")
        client = psycopg.connect(role.dsn)
    with client, pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")
    with psycopg.connect(postgres_dsn) as connection:
        left = connection.execute(
            "SELECT count(*) FROM pg_database WHERE datname = %(db)s UNION ALL "
            "SELECT count(*) FROM pg_roles WHERE rolname = %(role)s UNION ALL "
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %(slot)s",
            {"db": gone.name, "role": role.name, "slot": f"{gone.name}_slot"},
        ).fetchall()
    assert left == [(0,), (0,), (0,)]


def test_change_of_one_sample_database_is_not_in_the_next(request: pytest.FixtureRequest, postgres_dsn: str) -> None:
    first = request.getfixturevalue("sample_database")
    assert first.execute("SELECT count(*) FROM photos") == [(_PHOTOS,)]
    first.execute("TRUNCATE photos CASCADE")
    with psycopg.connect(postgres_dsn) as connection:
        template = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'sample%'").fetchone()
    assert template is not None
    with databases.temporary(postgres_dsn, template=template[0]) as second:
        assert second.execute("SELECT count(*) FROM photos") == [(_PHOTOS,)]


def test_topics_of_a_prefix_are_visible_to_clients(kafka: str, topic_prefix: str) -> None:
    client = AdminClient({"bootstrap.servers": kafka})
    client.create_topics([NewTopic(f"{topic_prefix}.public.x", 3, 1)])[f"{topic_prefix}.public.x"].result()
    assert len(client.list_topics(timeout=60).topics[f"{topic_prefix}.public.x"].partitions) == 3


def test_vespa_answers_on_both_addresses(vespa: VespaAddress) -> None:
    for url in (vespa.url, vespa.search_url):
        with urllib.request.urlopen(f"{url}/status.html", timeout=60) as answer:
            assert answer.status == 200


def test_named_server_that_is_dead_is_told_in_one_line() -> None:
    choices = Choices({"kafka": "127.0.0.1:1"})
    with pytest.raises(NoServer, match=r"^the server named by --kafka does not answer: [^\n]+$"):
        choices.check()


def test_worker_gets_the_address_of_a_named_server_from_the_desk() -> None:
    desk = Desk(Pool(Choices({"vespa": "http://127.0.0.1:1,http://127.0.0.1:2"})))
    try:
        answer = DeskClient(desk.address, desk.key).address("vespa")
    finally:
        desk.close()
    assert VespaAddress.parse(answer) == VespaAddress("http://127.0.0.1:1", "http://127.0.0.1:2")
