from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack import vespa
from devstack.errors import DevstackError
from devstack.vespa import DEFAULT_APPLICATION, VespaServer
from tests.integration.devstack.sockets import listening_addresses
from tests.servers import tell


@pytest.fixture(scope="module")
def _server() -> Iterator[VespaServer]:
    with vespa.start(say=tell) as server:
        yield server


@pytest.fixture
def server(_server: VespaServer) -> VespaServer:
    """One for all of these tests: each ends with it in service and has documents of its own."""
    return _server


def call(
    server: VespaServer, method: str, key: str, fields: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    url = f"{server.url}/document/v1/test/procore_record/docid/{key}"
    body = None if fields is None else json.dumps({"fields": fields}).encode()
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, json.loads(exc.read() or b"{}")


def test_killed_container_comes_back_with_its_address_and_documents(server: VespaServer) -> None:
    before = server.url
    assert call(server, "POST", "before-the-kill", {"source_table": "kept"})[0] == 200
    server.kill()
    assert not server.healthy()
    server.restart()
    assert server.url == before
    status, document = call(server, "GET", "before-the-kill")
    assert (status, document["fields"]["source_table"]) == (200, "kept")


def test_restart_takes_another_application_package(server: VespaServer, tmp_path: Path) -> None:
    other = tmp_path / "application"
    shutil.copytree(DEFAULT_APPLICATION, other)
    schema = other / "schemas" / "procore_record.sd"
    head = "document procore_record {"
    more = schema.read_text().replace(head, head + " field only_here type string { indexing: attribute | summary }")
    schema.write_text(more)
    server.restart(other)
    assert server.application == other
    assert call(server, "POST", "1", {"only_here": "x"})[0] == 200
    server.restart(DEFAULT_APPLICATION)
    assert call(server, "POST", "1", {"only_here": "x"})[0] == 400


def test_broken_application_package_is_one_line_with_vespas_words(tmp_path: Path) -> None:
    broken = tmp_path / "application"
    shutil.copytree(DEFAULT_APPLICATION, broken)
    (broken / "schemas" / "procore_record.sd").write_text("schema procore_record { nonsense }")
    with pytest.raises(DevstackError, match=r"^vespa did not start: [^\n]*procore_record[^\n]* \(all: \S+\)$"):
        vespa.start(application=broken)


def test_fault_strikes_as_often_as_it_was_told_to(faulty_vespa: VespaServer) -> None:
    faulty_vespa.set_fault(503, count=2, match="id:test:procore_record::struck")
    assert [call(faulty_vespa, "GET", "struck")[0] for _ in range(3)] == [503, 503, 404]
    assert call(faulty_vespa, "GET", "other")[0] == 404
    assert [fault["hits"] for fault in faulty_vespa.faults()] == [2]


def test_faults_are_over_when_they_are_cleared(faulty_vespa: VespaServer) -> None:
    faulty_vespa.set_fault(504, match="id:test:")
    assert call(faulty_vespa, "GET", "x")[0] == 504
    faulty_vespa.clear_faults()
    assert faulty_vespa.faults() == []
    assert call(faulty_vespa, "GET", "x")[0] == 404


def test_wrong_fault_is_refused_in_one_line(faulty_vespa: VespaServer) -> None:
    with pytest.raises(DevstackError, match=r"PUT /rowferry/faults was answered by 400: .*status of 400 to 599"):
        faulty_vespa.set_fault(200)


def test_expiry_removes_what_the_selection_no_longer_takes(server: VespaServer) -> None:
    assert call(server, "POST", "old", {"source_table": "x", "expire_at": 2_000_000_000})[0] == 200
    assert call(server, "POST", "kept", {"source_table": "x"})[0] == 200
    before = server.documents()["procore_record"]
    assert server.expire() == 0
    assert server.expire(now_s=2_000_000_001) == 1
    assert server.documents()["procore_record"] == before - 1
    assert (call(server, "GET", "old")[0], call(server, "GET", "kept")[0]) == (404, 200)


def test_it_listens_on_loopback_only(faulty_vespa: VespaServer) -> None:
    assert listening_addresses(faulty_vespa.port) == {"127.0.0.1"}


def test_asking_a_stopped_container_is_one_line(server: VespaServer) -> None:
    server.stop()
    with pytest.raises(
        DevstackError, match=r"^vespa at http://127\.0\.0\.1:\d+ does not answer GET /rowferry/faults: "
    ):
        server.faults()
    server.restart()
    assert server.faults() == []
