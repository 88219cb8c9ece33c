"""Edge: what the sample has not, and databases have: a view, which is polled, and a table that cannot be captured."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg

from devstack.demo.account import Polled, Refused
from devstack.demo.running import Running
from devstack.demo.services import REPOSITORY, clean_environment
from devstack.errors import DevstackError

VIEW, TABLE = "open_rfis", "import_log"
SETTINGS = {"ROWFERRY_KEYS": json.dumps({VIEW: ["id"]}), "ROWFERRY_POLLING__INTERVAL_S": "2"}
_STATEMENTS = f"""
CREATE VIEW {VIEW} AS SELECT id, project_id, number, subject, due_on FROM rfis WHERE status = 'open';
CREATE TABLE {TABLE} (at timestamptz, message text);
INSERT INTO {TABLE} VALUES (now(), 'nobody can tell this row from another');
"""


def add(dsn: str) -> Polled:
    """Make both in the sample database; the view, and how many rows it has."""
    with psycopg.connect(dsn) as connection:
        connection.execute(_STATEMENTS.encode())
        row = connection.execute(f"SELECT count(*) FROM {VIEW}".encode()).fetchone()
    assert row is not None
    return Polled(VIEW, int(row[0]))


def refused(running: Running) -> Refused:
    """What the operator's command says of the table; raises DevstackError when it says nothing."""
    argv = [sys.executable, "-m", "rowferry", "doctor", "--json"]
    environment = clean_environment(running.settings)
    ran = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    findings = json.loads(ran.stdout)["checks"] if ran.stdout.startswith("{") else []
    for finding in findings:
        if finding["id"] == f"tables.public.{TABLE}":
            return Refused(TABLE, finding["found"], finding["remedy"].replace("\n", " "))
    said = " ".join(ran.stderr.split()) or "nothing of it"
    raise DevstackError(f"expected rowferry doctor to name table {TABLE}, got: {said}")
