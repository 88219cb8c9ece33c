"""A Kafka that refuses for good ends each service at once, and each printed remedy takes it one step on."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devstack.kafka_secured import Listener, SecuredKafka, start
from rowferry.cli import main
from tests.integration.neighbours.services import ServiceProcess
from tests.kafka_remedies import run_kafka_acls
from tests.tls_front import certificate
from tests.waiting import eventually

SERVICES = ("cdc_reader", "vespa_sink", "file_fetcher")
PASSWORD = "a password"
# Rights that one service may lack one after the other: of topics, its transactional id, two groups, the cluster.
STEPS = 6


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    tls = Listener(certificate(tmp_path_factory.mktemp("tls")))
    with start({"TLS": tls, "LOGIN": Listener(users=dict.fromkeys(SERVICES, PASSWORD))}) as server:
        yield server


@pytest.mark.parametrize("module", SERVICES)
def test_listener_of_another_protocol_ends_a_service(make_service, secured, module) -> None:
    service = make_service(module, secured.at("TLS"), start_timeout_s=3600).start()
    assert service.ended() == 78
    (line,) = service.told()
    assert "got one for SSL; set security.protocol in kafka.client to SSL" in line


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_listener_of_another_protocol_is_told_by_commands(
    secured, database, vespa, command, capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--kafka.bootstrap-servers", secured.at("TLS"), "--database-url", database.dsn, "--vespa.url", vespa.url]
    assert main([command, *flags]) != 0
    told = capsys.readouterr()
    assert "set security.protocol in kafka.client to SSL" in told.out + told.err


def runs(service: ServiceProcess) -> bool:
    """Whether it becomes ready, and does not end before."""

    def ready() -> bool:
        with suppress(OSError, http.client.HTTPException):  # it ends while it is asked
            return service.get("/readyz")[0] == 200
        return False

    process = service.process
    assert process is not None
    eventually(lambda: process.poll() is not None or ready(), 150, what="an end, or a service that is ready")
    return process.poll() is None


@pytest.mark.remedy("kafka-acls.sh")
@pytest.mark.parametrize("module", SERVICES)
def test_rights_are_granted_by_the_printed_commands_until_the_service_runs(
    make_service, directories, secured, module
) -> None:
    directories(secured.bootstrap_servers)
    client = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": module}
    service = make_service(
        module,
        secured.at("LOGIN"),
        kafka__client=json.dumps(client),
        kafka__sasl_password=PASSWORD,
        start_timeout_s=3600,
    )
    done: list[str] = []
    while not runs(service.start()):
        assert service.ended() == 77, service.told()
        command = service.told()[-1]
        assert command not in done
        assert len(done) < STEPS
        run_kafka_acls(command, secured.bootstrap_servers)
        done.append(command)
    assert done
