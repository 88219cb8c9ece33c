"""A sink of its own for each test: own topics, own namespace, on the shared servers unless faults are set."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdc_runtime.settings.models import KafkaSettings
from tests.integration.vespa_sink.files import FileFeeder
from tests.integration.vespa_sink.pipeline import Feeder, Index, SinkProcess
from tests.integration.vespa_sink.proxy import Proxy


@pytest.fixture
def kafka_settings(kafka, topic_prefix) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix)


@pytest.fixture
def feeder(kafka_settings) -> Feeder:
    return Feeder(kafka_settings)


@pytest.fixture
def index(vespa, vespa_namespace) -> Index:
    return Index(vespa.url, vespa_namespace)


@pytest.fixture
def proxy(vespa) -> Iterator[Proxy]:
    """A proxy of this test before the shared Vespa."""
    with Proxy(vespa.url, vespa.search_url) as server:
        yield server


@pytest.fixture
def late_files(feeder: Feeder) -> Iterator[FileFeeder]:
    """Results of files beside a reader's topics; their own topics are not there yet."""
    files = FileFeeder(feeder.kafka)
    yield files
    files.close()


@pytest.fixture
def files(late_files: FileFeeder) -> FileFeeder:
    """Results of files on topics of this test."""
    late_files.create_topics()
    return late_files


@pytest.fixture
def file_index(vespa, vespa_namespace) -> Index:
    return Index(vespa.url, vespa_namespace, "procore_file", "file_id")


@pytest.fixture
def line_index(vespa, vespa_namespace) -> Index:
    return Index(vespa.url, vespa_namespace, "procore_file_row", "file_id")


@pytest.fixture
def make_sink(kafka_settings, vespa_namespace, tmp_path: Path) -> Iterator[Callable[..., SinkProcess]]:
    """Start a sink against a Vespa URL; all are killed at the end, and their logs shown if the test fails."""
    made: list[SinkProcess] = []

    def make(url: str, **options: str) -> SinkProcess:
        named = {name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}
        log = tmp_path / f"sink-{len(made)}.log"
        sink = SinkProcess(kafka_settings, url, vespa_namespace, log, group=f"{kafka_settings.prefix}-sink")
        sink.options.update(named)
        made.append(sink.start())
        return sink

    yield make
    for sink in made:
        sink.stop(signal.SIGKILL)
        sys.stdout.write(f"--- {sink.log.name}\n{sink.log.read_text('utf-8', 'replace')[-6000:]}\n")


@pytest.fixture
def sink(make_sink: Callable[..., SinkProcess], vespa) -> SinkProcess:
    """One sink on the shared Vespa."""
    return make_sink(vespa.url, vespa__query_url=vespa.search_url)
