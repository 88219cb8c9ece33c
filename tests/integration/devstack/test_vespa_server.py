"""The life of the Vespa server: kills, other application packages, faults, and where it listens."""

from __future__ import annotations

import http.client
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.vespa import DEFAULT_APPLICATION, VespaServer
from tests.integration.devstack.vespa_client import Answer, VespaClient
from tests.waiting import eventually


@pytest.fixture
def client(faulty_vespa: VespaServer, vespa_namespace: str) -> VespaClient:
    return VespaClient(faulty_vespa.port, vespa_namespace)


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """A copy of the application package, to be spoilt."""
    return Path(shutil.copytree(DEFAULT_APPLICATION, tmp_path / "application"))


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_every_answered_write_survives_a_kill(own_vespa: VespaServer) -> None:
    client = VespaClient(own_vespa.port, "kill")
    answered: list[int] = []

    def feed() -> None:
        for number in range(1_000_000):
            try:
                answer = client.put_newer(f"rfis/{number % 300}", {"version": number})
            except (OSError, http.client.HTTPException):
                return
            if answer.status == 200:
                answered.append(number)

    feeder = threading.Thread(target=feed)
    feeder.start()
    eventually(lambda: len(answered) > 400, what="400 writes")
    own_vespa.kill()
    feeder.join()
    last = {f"rfis/{number % 300}": number for number in answered}
    own_vespa.restart()
    kept = {doc_id: client.fields(doc_id) for doc_id in last}
    behind = {doc_id: kept[doc_id] for doc_id in last if (kept[doc_id] or {"version": -1})["version"] < last[doc_id]}
    assert behind == {}


@pytest.mark.slow
def test_torn_entry_at_the_end_is_cut_off(own_vespa: VespaServer) -> None:
    client = VespaClient(own_vespa.port, "torn")
    client.put("rfis/1", {"version": 1})
    client.put("rfis/2", {"version": 2})
    own_vespa.kill()
    log = own_vespa.folder / "data" / "documents.log"
    log.write_bytes(log.read_bytes()[:-5])
    own_vespa.restart()
    assert (client.fields("rfis/1"), client.fields("rfis/2")) == ({"version": 1}, None)
    client.put("rfis/3", {"version": 3})
    own_vespa.restart()
    assert client.fields("rfis/3") == {"version": 3}


@pytest.mark.slow
def test_package_that_lacks_a_field_and_a_type_hides_them_until_the_good_one_is_back(
    own_vespa: VespaServer, application: Path
) -> None:
    client = VespaClient(own_vespa.port, "lack")
    client.put("rfis/1", {"version": 1, "source_partition": 2})
    schema = application / "schemas" / "procore_record.sd"
    lines = schema.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if "field source_partition " in line)
    end = next(i for i in range(start, len(lines)) if lines[i].strip() == "}")
    schema.write_text("\n".join(lines[:start] + lines[end + 1 :]))
    own_vespa.restart(application)
    assert client.fields("rfis/1") == {"version": 1}
    assert client.put("rfis/2", {"source_partition": 2}).status == 400
    own_vespa.restart(DEFAULT_APPLICATION)
    assert client.fields("rfis/1") == {"version": 1, "source_partition": 2}


def test_broken_schema_is_refused_in_the_words_of_vespa(tmp_path: Path, application: Path) -> None:
    _edit(application / "schemas" / "procore_record.sd", "array<relationship>", "array<nonesuch>")
    with VespaServer(tmp_path / "server", application) as server, pytest.raises(DevstackError, match="nonesuch"):
        server.begin()


def test_it_listens_on_the_loopback_address_alone(faulty_vespa: VespaServer) -> None:
    port = f":{faulty_vespa.port:04X}"
    sockets = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
    ]
    listening = [fields[1] for fields in sockets if fields[3] == "0A" and fields[1].endswith(port)]
    assert listening == [f"0100007F{port}"]


@pytest.mark.parametrize("status", [429, 500, 503, 504, 507])
def test_fault_strikes_as_often_as_told_and_nothing_is_written(
    faulty_vespa: VespaServer, client: VespaClient, status: int
) -> None:
    faulty_vespa.set_fault(status, count=2, match=f"id:{client.namespace}:procore_record::rfis/")
    assert client.put("photos/1", {"version": 1}).status == 200
    assert [client.put("rfis/1", {"version": 1}).status for _ in range(2)] == [status, status]
    faulty_vespa.clear_faults()
    assert client.fields("rfis/1") is None


def test_timeout_may_have_been_applied(faulty_vespa: VespaServer, client: VespaClient) -> None:
    faulty_vespa.set_fault(504, count=1, applied=True)
    assert client.put("rfis/1", {"version": 1}).status == 504
    assert client.fields("rfis/1") == {"version": 1}


def test_lost_reply_closes_the_connection_after_the_write(faulty_vespa: VespaServer, client: VespaClient) -> None:
    faulty_vespa.set_fault(lose_reply=True, count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client.put("rfis/1", {"version": 1})
    assert client.fields("rfis/1") == {"version": 1}


def test_blocked_store_fills_the_queue_of_the_handler(faulty_vespa: VespaServer, client: VespaClient) -> None:
    answers: list[Answer] = []

    def write(number: int) -> None:
        answer = None
        while answer is None:
            with suppress(ConnectionResetError):  # the queue of new connections may be full first
                answer = client.put(f"rfis/{number}", {"version": 1})
        answers.append(answer)

    faulty_vespa.set_fault(429, blocked=True)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(300)]
    for writer in writers:
        writer.start()
    eventually(lambda: any(answer.status == 429 for answer in answers), what="a 429")
    faulty_vespa.clear_faults()
    for writer in writers:
        writer.join()
    assert {answer.status for answer in answers} == {200, 429}
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.body["message"] == "Rejecting execution due to overload: 256 requests already enqueued"


def test_delay_holds_back_requests_of_a_path(faulty_vespa: VespaServer, client: VespaClient) -> None:
    answered: list[str] = []

    def ask(name: str, path: str) -> None:
        client.ask("GET", path, yql="select * from procore_record where false")
        answered.append(name)

    faulty_vespa.set_fault(delay_ms=1000, match="/search/")
    slow = threading.Thread(target=ask, args=("slow", "/search/"))
    slow.start()
    eventually(lambda: faulty_vespa.faults()[0]["hits"] == 1, what="the delayed request")
    ask("quick", "/ApplicationStatus")
    slow.join()
    assert answered == ["quick", "slow"]
