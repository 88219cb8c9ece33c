"""Fixtures of the operator's commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.postgres import PostgresServer
from tests import databases
from tests.databases import Database
from tests.integration.rowferry.commands import Rowferry
from tests.integration.rowferry.indexed import IndexedRows
from tests.integration.rowferry.patients import Patient
from tests.servers import VespaAddress


@pytest.fixture
def index(vespa: VespaAddress, vespa_namespace: str) -> Iterator[IndexedRows]:
    """The documents of this test, removed at its end."""
    documents = IndexedRows(vespa, vespa_namespace)
    yield documents
    documents.clear()


HEALTHY = """
CREATE TABLE photos (id integer PRIMARY KEY, name text);
CREATE PUBLICATION rowferry FOR TABLE photos;
"""


def patient_of(capsys: pytest.CaptureFixture[str], database: Database, *flags: str) -> Patient:
    """A healthy pipeline whose role owns nothing: what the publication needs, an administrator must do."""
    database.execute(HEALTHY)
    role = database.create_role("REPLICATION")
    database.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role.name}")
    return Patient(database, role, Rowferry(capsys, "--database-url", role.dsn, *flags))


@pytest.fixture
def neighbours(kafka: str, topic_prefix: str, vespa: VespaAddress, vespa_namespace: str) -> list[str]:
    return [
        *("--kafka-bootstrap-servers", kafka, "--kafka.prefix", topic_prefix, "--slot", f"slot_{topic_prefix}"),
        *("--publication", "rowferry"),
        *("--vespa-url", vespa.url, "--vespa.query-url", vespa.search_url, "--vespa.namespace", vespa_namespace),
    ]


@pytest.fixture
def patient(capsys: pytest.CaptureFixture[str], database: Database, neighbours: list[str]) -> Patient:
    return patient_of(capsys, database, *neighbours)


@pytest.fixture
def own_patient(capsys: pytest.CaptureFixture[str], own_postgres: PostgresServer, neighbours: list[str]) -> Patient:
    return patient_of(capsys, databases.create(own_postgres.dsn), *neighbours)
