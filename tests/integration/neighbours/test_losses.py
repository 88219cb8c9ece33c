"""P15: services that have nothing to do notice that a neighbour stands still, or is gone, and that it is back."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from devstack.kafka import KafkaServer
from tests.databases import Database
from tests.integration.neighbours.conftest import MakeService
from tests.integration.neighbours.services import ServiceProcess
from tests.relay import Relay, relay
from tests.servers import VespaAddress
from tests.waiting import eventually

SERVICES = ("cdc_reader", "vespa_sink", "file_fetcher")
WAIT_S = 90.0


def through_losses(service: ServiceProcess, neighbour: str, losses: Relay) -> None:
    """Freeze the way to a neighbour, then end it: each is told once, and once that it is over."""
    eventually(service.ready, WAIT_S, "a ready service")
    for lose, mend in ((losses.freeze, losses.thaw), (losses.go, losses.come)):
        lose()
        eventually(lambda: service.misses(neighbour), WAIT_S, f"{neighbour} to be missed")
        assert service.get("/livez")[0] == 200
        mend()
        eventually(service.ready, WAIT_S, "a ready service")
    eventually(lambda: service.told_in_turn(neighbour, 2), WAIT_S, f"one line each: {service.losses(neighbour)}")


def test_p15_all_services_miss_a_frozen_or_killed_kafka(
    own_kafka: KafkaServer, directories: Callable[[str], None], make_service: MakeService
) -> None:
    directories(own_kafka.address)
    services = [make_service(module, own_kafka.address).start() for module in SERVICES]
    for each in services:
        eventually(each.ready, WAIT_S, f"{each.module} to be ready")
    for lose, mend in ((own_kafka.pause, own_kafka.resume), (own_kafka.kill, own_kafka.restart)):
        lose()
        for each in services:
            eventually(lambda each=each: each.misses("kafka"), WAIT_S, f"{each.module} to miss Kafka")
        mend()
        for each in services:
            eventually(each.ready, WAIT_S, f"{each.module} to be ready")
    for each in services:
        eventually(lambda each=each: each.told_in_turn("kafka", 2), WAIT_S, f"one line each: {each.losses('kafka')}")


def test_p15_reader_misses_a_frozen_or_lost_postgres(kafka: str, database: Database, make_service: MakeService) -> None:
    at = urlsplit(database.dsn)
    with relay((at.hostname or "", at.port or 5432)) as losses:
        url = at._replace(netloc=at.netloc.rpartition("@")[0] + f"@{losses.address}").geturl()
        through_losses(make_service("cdc_reader", kafka, database_url=url).start(), "postgres", losses)


def test_p15_sink_misses_a_frozen_or_lost_vespa(
    kafka: str, directories: Callable[[str], None], vespa: VespaAddress, make_service: MakeService
) -> None:
    directories(kafka)
    at = urlsplit(vespa.url)
    with relay((at.hostname or "", at.port or 8080)) as losses:
        sink = make_service("vespa_sink", kafka, vespa__url=f"http://{losses.address}", vespa__timeout_s=2)
        through_losses(sink.start(), "vespa", losses)


@pytest.mark.parametrize("module", SERVICES)
def test_p15_start_with_a_frozen_kafka_ends_with_69_and_its_name(module: str, make_service: MakeService) -> None:
    with relay() as silent:
        service = make_service(module, silent.address, start_timeout_s=1.5).start()
        assert service.get("/livez")[0] == 200
        assert service.ended() == 69
    (line,) = service.told()
    assert f"afka at {silent.address} to answer within 1.5 s" in line or "kafka to answer within 1.5 s" in line


def test_p15_start_with_a_frozen_postgres_ends_with_69_and_its_name(kafka: str, make_service: MakeService) -> None:
    with relay() as silent:
        url = f"postgresql://reader@{silent.address}/shop"
        service = make_service("cdc_reader", kafka, database_url=url, start_timeout_s=1.5).start()
        assert service.ended() == 69
    (line,) = service.told()
    assert "postgres to answer within 1.5 s" in line


def test_p15_start_with_a_frozen_vespa_ends_with_69_and_its_name(
    kafka: str, directories: Callable[[str], None], make_service: MakeService
) -> None:
    directories(kafka)
    with relay() as silent:
        sink = make_service("vespa_sink", kafka, vespa__url=f"http://{silent.address}", start_timeout_s=4).start()
        assert sink.ended() == 69
    (line,) = sink.told()
    assert "vespa to answer within 4 s" in line
