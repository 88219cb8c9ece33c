"""Makes the services of one pipeline, each with a short patience for its neighbours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.settings.models import KafkaSettings
from schemas.topics import Topics, directory_topic
from tests.databases import Database
from tests.integration.neighbours.services import ServiceProcess
from tests.servers import VespaAddress

MakeService = Callable[..., ServiceProcess]


@pytest.fixture
def make_service(
    database: Database, vespa: VespaAddress, vespa_namespace: str, topic_prefix: str, tmp_path: Path
) -> Iterator[MakeService]:
    """`make_service("cdc_reader", kafka, **settings)`; dots in names are two underscores."""
    made: list[ServiceProcess] = []
    own = {
        "cdc_reader": {"database_url": database.dsn, "slot": f"slot_{topic_prefix}", "heartbeat_interval_s": "60"},
        "vespa_sink": {"vespa.url": vespa.url, "vespa.namespace": vespa_namespace, "group": f"{topic_prefix}-sink"},
        "file_fetcher": {"data_directory": str(tmp_path / "data"), "fetcher_group": f"{topic_prefix}-fetcher"},
    }

    def make(module: str, kafka: str, **settings: Any) -> ServiceProcess:
        flags = {"kafka.bootstrap_servers": kafka, "kafka.prefix": topic_prefix, "neighbour_timeout_s": "3"}
        flags |= own[module] | {name.replace("__", "."): str(value) for name, value in settings.items()}
        made.append(ServiceProcess(module, tmp_path / f"{module}-{len(made)}.log", flags))
        return made[-1]

    yield make
    for service in made:
        service.kill()
        sys.stdout.write(f"--- {service.log.name}\n{service.log.read_text('utf-8', 'replace')[-3000:]}\n")


@pytest.fixture
def directories(topic_prefix: str) -> Callable[[str], None]:
    """Makes the topics that sink and fetcher wait for at their start."""

    def make(kafka: str) -> None:
        topics = Topics(topic_prefix)
        KafkaAdmin(KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix)).ensure_topics(
            [directory_topic(name) for name in (topics.schemas, topics.tables, topics.control)]
        )

    return make
