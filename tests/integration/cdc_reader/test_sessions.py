"""Sessions print values our way, whatever the environment of the process says."""

from __future__ import annotations

import pytest

from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.replication import ReplicationStream
from tests.databases import Database

ENVIRONMENT = {
    "PGTZ": "Asia/Kolkata",
    "PGDATESTYLE": "German",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c geqo=off",
}
SHOWN = (
    "SELECT (timestamptz '2024-01-01 00:00+00')::text, (date '2024-02-01')::text, "
    "current_setting('client_encoding'), 'é'"
)
PRINTED = ("2024-01-01 00:00:00+00", "2024-02-01", "UTF8", "é")


@pytest.fixture(params=ENVIRONMENT)
def in_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(request.param, ENVIRONMENT[request.param])


@pytest.mark.usefixtures("in_environment")
@pytest.mark.parametrize("autocommit", [True, False])
def test_values_are_printed_our_way_in_any_environment(database: Database, *, autocommit: bool) -> None:
    with connect(database.dsn, application_name="test", autocommit=autocommit) as connection:
        connection.rollback()
        assert connection.execute(SHOWN).fetchone() == PRINTED


@pytest.mark.usefixtures("in_environment")
def test_stream_prints_values_our_way_in_any_environment(database: Database) -> None:
    stream = ReplicationStream(database.dsn, application_name="test", status_interval_s=10)
    try:
        assert stream.execute(SHOWN) == [PRINTED]
    finally:
        stream.close()
