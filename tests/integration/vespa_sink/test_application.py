"""`vespa-sink check` says what the deployed application lacks; `deploy` sends a package to a config server."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devstack.vespa import DEFAULT_APPLICATION
from tests.integration.vespa_sink.proxy import LOG_IN, PAGE, Reply
from tests.integration.vespa_sink.test_breaker import _without


def _command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vespa_sink", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, env=environment)


def test_check_accepts_the_application_of_this_repository(vespa, vespa_namespace) -> None:
    done = _command("check", "--vespa.url", vespa.url, "--vespa.namespace", vespa_namespace)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"vespa-sink: {vespa.url} has the document types and every field that the sink writes\n"


def test_check_names_missing_types_with_exit_78(vespa) -> None:
    done = _command("check", "--vespa.url", vespa.url, "--vespa.record-type", "procore_other")
    assert done.returncode == 78
    assert done.stdout == (
        "vespa-sink: expected document type procore_other, got none; "
        "deploy the application package: vespa-sink deploy deploy/vespa\n"
    )


def test_check_covers_the_types_of_files(vespa) -> None:
    names = ("--vespa.file-type", "no_file", "--vespa.file-row-type", "no_row")
    done = _command("check", "--vespa.url", vespa.url, *names)
    assert done.returncode == 78
    assert [line.partition(";")[0] for line in done.stdout.splitlines()] == [
        "vespa-sink: expected document type no_file, got none",
        "vespa-sink: expected document type no_row, got none",
    ]


@pytest.mark.remedy("deploy the application package: vespa-sink deploy")
def test_check_names_missing_fields(own_vespa, tmp_path) -> None:
    own_vespa.restart(_without(own_vespa.application, tmp_path / "faulty", "omitted"))
    done = _command("check", "--vespa.url", own_vespa.url)
    assert done.returncode == 78
    assert "expected fields omitted in procore_record, got others" in done.stdout
    asked = re.search("; deploy the application package: vespa-sink deploy ([a-z/]+)\n", done.stdout)
    assert asked is not None
    own_vespa.restart(DEFAULT_APPLICATION.parents[1] / asked[1])
    assert _command("check", "--vespa.url", own_vespa.url).returncode == 0


@pytest.mark.remedy("pip install 'rowferry[deploy]'")
def test_check_without_its_client_names_what_to_install(vespa, vespa_namespace, tmp_path) -> None:
    """Everything is installed here: a package that hides the client is taken away, and pip finds nothing to add."""
    (tmp_path / "vespa").mkdir()
    (tmp_path / "vespa" / "__init__.py").write_text("raise ImportError('hidden')")
    check = ("check", "--vespa.url", vespa.url, "--vespa.namespace", vespa_namespace)
    hidden = _command(*check, PYTHONPATH=str(tmp_path))
    assert (hidden.returncode, hidden.stdout) == (78, "")
    asked = re.search(r"; (pip install '[a-z\[\]]+')\n", hidden.stderr)
    assert asked is not None
    pip = subprocess.run(
        [sys.executable, "-m", *shlex.split(asked[1]), "--no-index"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (pip.returncode, "does not provide the extra" in pip.stderr) == (0, False), pip.stderr
    assert "Requirement already satisfied: pyvespa" in pip.stdout
    assert _command(*check).returncode == 0


def test_check_of_a_vespa_that_does_not_answer_exits_with_69() -> None:
    done = _command("check", "--vespa.url", "http://127.0.0.1:9")
    assert done.returncode == 69
    assert "start Vespa, or set vespa.url" in done.stderr


class _ConfigServer(ThreadingHTTPServer):
    """Answers as Vespa's config server does; not Vespa."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.packages: list[bytes] = []
        self.looks = 0
        self.refusal = ""
        self.slow = False


class _Requests(BaseHTTPRequestHandler):
    server: _ConfigServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusal:
            self._answer(400, {"message": self.server.refusal})
            return
        self.server.packages.append(body)
        self._answer(200, {"message": "Session 2 for tenant 'default' prepared and activated."})

    def do_GET(self) -> None:
        self.server.looks += 1
        self._answer(200, {"converged": self.server.looks > 1 and not self.server.slow})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def config_server():
    server = _ConfigServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_deploy_sends_the_package_and_waits_until_it_runs(config_server) -> None:
    url = f"http://127.0.0.1:{config_server.server_port}"
    done = _command("deploy", str(DEFAULT_APPLICATION), "--config-server", url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "vespa-sink: Session 2 for tenant 'default' prepared and activated.",
        "vespa-sink: all services run the new application",
    ]
    (package,) = config_server.packages
    names = set(zipfile.ZipFile(io.BytesIO(package)).namelist())
    assert {"services.xml", "schemas/procore_record.sd", "schemas/procore_schema.sd"} <= names


@pytest.mark.remedy("correct the package as Vespa says, and run the same command again")
def test_deploy_shows_vespas_words_when_the_package_is_refused(config_server) -> None:
    config_server.refusal = "Invalid application: unknown field"
    command = ("deploy", str(DEFAULT_APPLICATION), "--config-server", f"http://127.0.0.1:{config_server.server_port}")
    done = _command(*command)
    assert done.returncode == 78
    assert "Invalid application: unknown field; correct the package as Vespa says" in done.stderr
    config_server.refusal = ""
    assert _command(*command).returncode == 0


@pytest.mark.remedy("let --config-server lead past what refuses: neither certificate nor token is sent")
def test_deploy_that_is_forbidden_exits_with_77(proxy, config_server) -> None:
    proxy.front = lambda method, path: Reply(403)
    done = _command("deploy", str(DEFAULT_APPLICATION), "--config-server", proxy.url)
    assert done.returncode == 77
    assert f"to be allowed to deploy at {proxy.url}, got status 403; let --config-server lead past" in done.stderr
    past = f"http://127.0.0.1:{config_server.server_port}"
    assert _command("deploy", str(DEFAULT_APPLICATION), "--config-server", past).returncode == 0


@pytest.mark.remedy("run the same command again, with a longer --wait")
def test_deploy_says_how_long_it_waited_and_where_to_look(config_server) -> None:
    url = f"http://127.0.0.1:{config_server.server_port}"
    command = ("deploy", str(DEFAULT_APPLICATION), "--config-server", url, "--wait")
    config_server.slow = True
    done = _command(*command, "0")
    assert done.returncode == 69
    assert "to run the new application within 0 s, got some that do not yet" in done.stderr
    assert f"({url}/" in done.stderr
    config_server.slow = False
    assert _command(*command, "60").returncode == 0


@pytest.mark.remedy("let --config-server lead to Vespa's config server itself")
@pytest.mark.rule("V10")
@pytest.mark.parametrize("reply", [LOG_IN, PAGE], ids=["redirect", "page"])
def test_v10_deploy_takes_no_proxy_for_a_config_server(proxy, config_server, reply) -> None:
    proxy.front = lambda method, path: PAGE if path.startswith("/login") else reply
    done = _command("deploy", str(DEFAULT_APPLICATION), "--config-server", proxy.url)
    assert (done.returncode, done.stdout) == (78, "")
    assert "an answer that is not Vespa's (status" in done.stderr
    assert "please log in" not in done.stderr
    assert "let --config-server lead to Vespa's config server itself" in done.stderr
    itself = f"http://127.0.0.1:{config_server.server_port}"
    assert _command("deploy", str(DEFAULT_APPLICATION), "--config-server", itself).returncode == 0


@pytest.mark.remedy("name the folder of the package: vespa-sink deploy deploy/vespa")
def test_deploy_of_a_folder_that_is_no_package_exits_with_78(tmp_path, config_server) -> None:
    done = _command("deploy", str(tmp_path))
    assert done.returncode == 78
    assert "expected an application package with services.xml" in done.stderr
    named = re.search(r"vespa-sink (deploy deploy/vespa)$", done.stderr.strip())
    assert named
    assert DEFAULT_APPLICATION.samefile("deploy/vespa")
    url = f"http://127.0.0.1:{config_server.server_port}"
    assert _command(*named[1].split(), "--config-server", url).returncode == 0


@pytest.mark.remedy("start Vespa's config server, or correct --config-server")
def test_deploy_without_a_config_server_exits_with_69(config_server) -> None:
    done = _command("deploy", str(DEFAULT_APPLICATION), "--config-server", "http://127.0.0.1:9")
    assert done.returncode == 69
    assert "http://127.0.0.1:9/" in done.stderr
    assert "start Vespa's config server, or correct --config-server" in done.stderr
    url = f"http://127.0.0.1:{config_server.server_port}"
    assert _command("deploy", str(DEFAULT_APPLICATION), "--config-server", url).returncode == 0


def test_unknown_command_exits_with_64() -> None:
    done = _command("feed")
    assert done.returncode == 64
    assert done.stderr.startswith("usage: vespa-sink run")
