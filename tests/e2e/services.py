"""
The services as processes, the index as a client sees it, and both joined to a pipeline.

Nothing of the product is imported: tests here see what an operator sees, which is commands, logs, probes and documents.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.databases import Database
from tests.servers import VespaAddress
from tests.waiting import eventually

START_S = 150.0
STOP_S = 40.0  # below stop_timeout_s: an end that takes all of it is a fault
SEEN_S = 150.0
_ASK_S = 60.0
_CLUSTER = "procore"  # of deploy/vespa
# The process dies with the test run, however that ends, and without code of ours between fork and exec.
_TIED = (
    "import ctypes, runpy, sys; ctypes.CDLL(None).prctl(1, 9); runpy.run_module(sys.argv.pop(1), run_name='__main__')"
)
Fields = dict[str, Any]


class Service:
    """One service, started again at will; its log goes on over the starts."""

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        log: Path,
        arguments: Sequence[str] = ("run",),
        *,
        folder: Path | None = None,
    ) -> None:
        self.log = log
        self._environment = environment
        self._module = module
        self._arguments = arguments
        self._folder = folder
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Service:
        """Start it and return at once."""
        assert not self.running(), f"{self._module} runs already"
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _TIED, self._module, *self._arguments],
                env=dict(self._environment),
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        return self

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait_until_ready(self) -> Service:
        """Return when `/readyz` says so; AssertionError with its log when it ends or does not get there."""
        eventually(self._ready, START_S, f"{self._module} to be ready")
        return self

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL; its exit code."""
        return self._end(signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.running():
            self.kill()

    def events(self) -> list[Fields]:
        """What the log says since the last start, one object a line."""
        text = self.log.read_bytes()[self._log_start :].decode(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else "no log"

    def _ready(self) -> bool:
        assert self.running(), f"{self._module} has ended: {self.tail()}"
        ports = [event["port"] for event in self.events() if event.get("event") == "health and metrics served"]
        if not ports:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}/readyz", timeout=_ASK_S) as answer:
                return int(answer.status) == 200
        except (OSError, http.client.HTTPException):
            return False

    def _end(self, number: int) -> int:
        assert self._process is not None
        assert self._process.poll() is None, f"{self._module} has ended: {self.tail()}"
        self._process.send_signal(number)
        return self._process.wait(STOP_S)


class Index:
    """The documents of one namespace, over HTTP."""

    def __init__(self, vespa: VespaAddress, namespace: str) -> None:
        self.vespa = vespa
        self.namespace = namespace

    def row(self, table: str, key: str) -> Fields | None:
        """The fields of a row's document; None when there is none, or nothing but the memory of a deleted row."""
        path = self._path("procore_record", urllib.parse.quote(f"{table}/{key}", safe=""))
        try:
            fields: Fields = self._json("GET", path)["fields"]
        except urllib.error.HTTPError as exc:
            with exc:
                if exc.code != 404:
                    raise
            return None
        return None if fields.get("deleted") else fields

    def values(self, table: str, key: str) -> dict[str, str] | None:
        """The columns of a row as the index has them."""
        fields = self.row(table, key)
        return None if fields is None else fields["metadata"]

    def rows(self, table: str) -> dict[str, dict[str, str]]:
        """Every row of a table, by its key."""
        found: dict[str, dict[str, str]] = {}
        selection = urllib.parse.quote(f'procore_record.source_table == "{table}"', safe="")
        path, continuation = self._path("procore_record", f"?wantedDocumentCount=500&selection={selection}"), ""
        while True:
            answer = self._json("GET", path + continuation)
            live = [each["fields"] for each in answer["documents"] if not each["fields"].get("deleted")]
            found |= {fields["source_id"]: fields["metadata"] for fields in live}
            if "continuation" not in answer:
                return found
            continuation = "&continuation=" + urllib.parse.quote(answer["continuation"], safe="")

    def table(self, name: str) -> Fields:
        """The description of a table."""
        found: Fields = self._json("GET", self._path("procore_schema", name))["fields"]
        return found

    def files(self) -> dict[str, Fields]:
        """Every file that is not gone, by its id."""
        return {fields["file_id"]: fields for fields in self.documents("procore_file")}

    def file_rows(self) -> list[Fields]:
        """Every row of a spreadsheet."""
        return self.documents("procore_file_row")

    def documents(self, document_type: str) -> list[Fields]:
        """The documents of a type, without the memories of deleted ones."""
        found: list[Fields] = []
        path, continuation = self._path(document_type, "?wantedDocumentCount=500"), ""
        while True:
            answer = self._json("GET", path + continuation)
            found += [each["fields"] for each in answer["documents"] if not each["fields"].get("deleted")]
            if "continuation" not in answer:
                return found
            continuation = "&continuation=" + urllib.parse.quote(answer["continuation"], safe="")

    def search(self, yql: str) -> list[Fields]:
        """The fields of a query's hits."""
        query = urllib.parse.urlencode({"yql": yql, "hits": 400})
        with urllib.request.urlopen(f"{self.vespa.search_url}/search/?{query}", timeout=_ASK_S) as answer:
            return [hit["fields"] for hit in json.load(answer)["root"].get("children", ())]

    def clear(self) -> None:
        """Remove all documents of the namespace."""
        for document_type in ("procore_record", "procore_schema", "procore_file", "procore_file_row"):
            path, continuation = self._path(document_type, f"?selection=true&cluster={_CLUSTER}"), ""
            while True:
                answer = self._json("DELETE", path + continuation)
                if "continuation" not in answer:
                    break
                continuation = "&continuation=" + urllib.parse.quote(answer["continuation"], safe="")

    def _path(self, document_type: str, rest: str) -> str:
        return f"/document/v1/{self.namespace}/{document_type}/docid/{rest}"

    def _json(self, method: str, path: str) -> Fields:
        request = urllib.request.Request(self.vespa.url + path, method=method)
        with urllib.request.urlopen(request, timeout=_ASK_S) as answer:
            found: Fields = json.load(answer)
        return found


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A database, a reader, a sink and the index that they keep equal to it."""

    database: Database
    index: Index
    environment: dict[str, str]
    reader: Service = field(init=False)
    sink: Service = field(init=False)
    fetcher: Service = field(init=False)
    folder: Path

    def __post_init__(self) -> None:
        for name, module in (("reader", "cdc_reader"), ("sink", "vespa_sink")):
            object.__setattr__(self, name, Service(module, self.environment, self.folder / f"{name}.log"))
        object.__setattr__(self, "fetcher", self.another_fetcher("fetcher"))

    def another_fetcher(self, name: str) -> Service:
        """A fetcher with a folder of its own; not started."""
        folder = {"ROWFERRY_DATA_DIRECTORY": str(self.folder / name)}
        return Service("file_fetcher", {**self.environment, **folder}, self.folder / f"{name}.log")

    def start(self) -> Pipeline:
        """Start both services and return when both are ready."""
        self.reader.start()
        self.sink.start()
        self.reader.wait_until_ready()
        self.sink.wait_until_ready()
        return self

    def close(self) -> None:
        """End all services."""
        for service in (self.reader, self.sink, self.fetcher):
            service.close()

    def expect(self, table: str, key: str, expected: Mapping[str, str | None] | None) -> None:
        """Wait until a row's columns in the index are these, or until it is gone; NULL columns are absent there."""
        wanted = None if expected is None else {name: value for name, value in expected.items() if value is not None}
        self.wait_for(lambda: self.index.values(table, key) == wanted, f"{table}/{key} as {wanted!r}")

    def expect_rows(self, table: str, expected: Mapping[str, Mapping[str, str]]) -> None:
        """Wait until a table has exactly these rows in the index."""
        self.wait_for(lambda: self.index.rows(table) == expected, f"{table} with the rows {sorted(expected)}")

    def wait_for(self, condition: Any, what: str, timeout_s: float = SEEN_S) -> None:
        """Wait until the condition holds, while services that are to run do."""
        try:
            eventually(condition, timeout_s, what)
        except AssertionError as exc:
            logs = {"reader": self.reader, "sink": self.sink, "fetcher": self.fetcher}
            tails = [f"--- {name}\n{service.tail()}" for name, service in logs.items()]
            raise AssertionError("\n".join([str(exc), *tails])) from None

    def reconcile(self, wait_s: float = SEEN_S) -> Fields:
        """The report of `rowferry reconcile`, which must have ended with 0 or 1."""
        argv = [sys.executable, "-m", "rowferry", "reconcile", "--json", "--wait", f"{wait_s:g}"]
        ran = subprocess.run(argv, env=dict(self.environment), capture_output=True, text=True, check=False)
        assert ran.returncode in (0, 1), ran.stderr
        report: Fields = json.loads(ran.stdout)
        return report


def environment(database: Database, kafka: str, index: Index, prefix: str) -> dict[str, str]:
    """What both services and the operator's command are told: one environment serves all."""
    settings = {
        "DATABASE_URL": database.dsn,
        "SLOT": f"slot_{prefix}",
        "PUBLICATION": "rowferry",
        "GROUP": f"{prefix}-sink",
        "FETCHER_GROUP": f"{prefix}-fetcher",
        "KAFKA__BOOTSTRAP_SERVERS": kafka,
        "KAFKA__PREFIX": prefix,
        "VESPA__URL": index.vespa.url,
        "VESPA__QUERY_URL": index.vespa.search_url,
        "VESPA__NAMESPACE": index.namespace,
        "HTTP__HOST": "127.0.0.1",
        "HTTP__PORT": "0",
        "HEARTBEAT_INTERVAL_S": "1",
        # The least that brokers allow: for so long a killed member keeps its partitions from the next one.
        "KAFKA__CLIENT": json.dumps({"session.timeout.ms": 6000}),
        "LOG__FORMAT": "json",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")}
    return kept | {f"ROWFERRY_{name}": value for name, value in settings.items()}
