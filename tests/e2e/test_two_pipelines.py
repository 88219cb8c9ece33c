"""Two pipelines on one PostgreSQL, Kafka, Vespa and bucket, as `docs/how-to/two-pipelines.md` says (rule D7)."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests import databases
from tests.databases import Database
from tests.e2e.conftest import delete_topics
from tests.e2e.services import SEEN_S, Fields, Index, Service
from tests.servers import S3Address, VespaAddress
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "two-pipelines.md"
MODULES = {"cdc-reader": "cdc_reader", "vespa-sink": "vespa_sink", "file-fetcher": "file_fetcher"}
DOCUMENT_TYPES = ("procore_record", "procore_schema", "procore_file", "procore_file_row")
TABLE = "CREATE TABLE papers (id int PRIMARY KEY, title text, s3_key text)"
ROWS = "INSERT INTO papers SELECT n, '{0} ' || n, CASE n WHEN 1 THEN '{0}.csv' END FROM generate_series(1, 20) n"
pytestmark = [pytest.mark.rule("D7"), pytest.mark.timeout(600)]


class Site:
    """One pipeline of the page: its settings file, its commands, its part of the index."""

    def __init__(self, name: str, page: str, database: Database, folder: Path, environment: Mapping[str, str]) -> None:
        self.database = database
        self.folder = folder
        self.environment = {**environment, "ROWFERRY_DATABASE_URL": database.dsn}
        self.commands = [line.split() for line in re.findall(rf"^ *(\S.*--config {name}\.yaml.*)$", page, re.MULTILINE)]
        [settings] = re.findall(rf"```yaml\n( *# {name}\.yaml\n.*?)```", page, re.DOTALL)
        (folder / f"{name}.yaml").write_text(textwrap.dedent(settings))

    def services(self) -> list[Service]:
        """Those that the page starts."""
        return [
            Service(MODULES[name], self.environment, self.folder / f"{name}.log", arguments, folder=self.folder)
            for name, *arguments in self.commands
            if arguments[0] == "run"
        ]

    def ask(self, verb: str, *more: str) -> str:
        """What a command of the page prints; it must end with 0."""
        [command] = [each for each in self.commands if each[:2] == ["rowferry", verb]]
        argv = [sys.executable, "-m", *command, *more]
        done = subprocess.run(
            argv, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _documents(index: Index) -> dict[str, list[Fields]]:
    """All documents, in an order that stays."""
    return {
        each: sorted(index.documents(each), key=lambda fields: json.dumps(fields, sort_keys=True))
        for each in DOCUMENT_TYPES
    }


@pytest.fixture
def sites(
    postgres_dsn: str, kafka: str, vespa: VespaAddress, s3: S3Address, s3_bucket: str, tmp_path: Path
) -> Iterator[dict[str, Site]]:
    """The pipelines of the page by their prefixes, which no other test uses; each has a database and a file."""
    page = re.sub(r"--http\.port \d+", "--http.port 0", PAGE.read_text("utf-8"))
    environment = _environment(kafka, vespa, s3, s3_bucket)
    made: dict[str, Site] = {}
    with ExitStack() as open_databases, closing(s3.client()) as client:
        for name in ("crm", "erp"):
            prefix = f"{name}{secrets.token_hex(4)}"
            page = re.sub(rf"\b{name}\b", prefix, page)
            database = open_databases.enter_context(databases.temporary(postgres_dsn))
            (tmp_path / prefix).mkdir()
            made[prefix] = Site(prefix, page, database, tmp_path / prefix, environment)
            client.put_object(Bucket=s3_bucket, Key=f"{name}.csv", Body=f"item,of\nbolt,{name}\n".encode())
            database.execute(TABLE)
            database.execute(ROWS.format(name))
        yield made
    for prefix in made:
        Index(vespa, f"procore-{prefix}").clear()
        delete_topics(kafka, prefix)


def _environment(kafka: str, vespa: VespaAddress, s3: S3Address, bucket: str) -> dict[str, str]:
    """Where the servers are, which the page leaves to its defaults; the environment wins over a file."""
    settings = {
        "KAFKA__BOOTSTRAP_SERVERS": kafka,
        "VESPA__URL": vespa.url,
        "VESPA__QUERY_URL": vespa.search_url,
        "HTTP__HOST": "127.0.0.1",
        "HTTP__PORT": "0",
        "HEARTBEAT_INTERVAL_S": "1",
        "KAFKA__CLIENT": json.dumps({"session.timeout.ms": 6000}),
        "LOG__FORMAT": "json",
        "S3__ENDPOINT_URL": s3.endpoint_url,
        "S3__BUCKET": bucket,
        "S3__REGION": s3.region,
        "S3__ACCESS_KEY_ID": s3.access_key_id,
        "S3__SECRET_ACCESS_KEY": s3.secret_access_key,
        "STORE_URL": f"s3://{bucket}/store",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")}
    kept["PYTHONPATH"] = str(ROOT)
    return kept | {f"ROWFERRY_{name}": value for name, value in settings.items()}


def test_d7_two_pipelines_side_by_side_leave_each_other_alone(sites: dict[str, Site], vespa: VespaAddress) -> None:
    running = {prefix: site.services() for prefix, site in sites.items()}
    assert [len(services) for services in running.values()] == [3, 3]
    (first, second), (one, two) = sites, sites.values()
    ours, theirs = (Index(vespa, f"procore-{prefix}") for prefix in sites)
    try:
        for service in (each for services in running.values() for each in services):
            service.start()
        for service in (each for services in running.values() for each in services):
            service.wait_until_ready()
        for site in sites.values():
            site.ask("reconcile", "--wait", f"{SEEN_S:g}")
        one.ask("doctor")
        assert f"rowferry-vespa-sink-{second}" in two.ask("status")
        assert [file["content_text"] for file in ours.files().values()] != []

        # What one pipeline does, a truncate and a restart of all its services too, touches nothing of the other.
        before = _documents(theirs)
        one.database.execute("TRUNCATE papers; INSERT INTO papers VALUES (1, 'only one', NULL), (99, 'another', NULL)")
        for service in running[first]:
            service.stop()
            service.start()
        eventually(lambda: ours.rows("papers").keys() == {"1", "99"}, SEEN_S, "the truncate in the first index")
        one.ask("reconcile", "--wait", f"{SEEN_S:g}")
        assert _documents(theirs) == before
        two.database.execute("UPDATE papers SET title = 'changed' WHERE id = 2")
        two.ask("reconcile", "--wait", f"{SEEN_S:g}")
        assert ours.rows("papers").keys() == {"1", "99"}
        found = theirs.search(
            f'select doc_id from procore_record where namespace contains "{theirs.namespace}" limit 400'
        )
        assert len(found) == 20
    finally:
        for service in (each for services in running.values() for each in services):
            service.close()
