"""One broker is killed, stopped or frozen under load: the fetcher goes on, and each reference has one result."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import TopicMissing
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.settings.models import KafkaSettings
from devstack.kafka import KafkaServer
from devstack.kafka_cluster import cluster
from schemas.errors import TransientError
from schemas.file_results import FileResult
from tests.databases import Database
from tests.e2e.services import Index, Service, environment
from tests.servers import S3Address, VespaAddress, tell
from tests.waiting import eventually

FILES = 300
AWAY_S = 10.0
PREFIX = "out"
TABLE = "CREATE TABLE drawings (id bigint PRIMARY KEY, title text, s3_key text)"
HASTY = "tests.integration.file_fetcher.brokers.hasty_fetcher"
NO_VESPA = Index(VespaAddress("http://127.0.0.1:1", "http://127.0.0.1:1"), PREFIX)


class Load:
    """Rows whose files all exist, read by the reader; the fetcher fetches them."""

    def __init__(self, settings: dict[str, str], folder: Path) -> None:
        self.reader = Service("cdc_reader", settings, folder / "reader.log")
        self.fetcher = Service(HASTY, settings, folder / "fetcher.log")
        self._settings = KafkaSettings(bootstrap_servers=settings["ROWFERRY_KAFKA__BOOTSTRAP_SERVERS"], prefix=PREFIX)

    def start(self) -> Load:
        """Both services; returns when a few references have ended."""
        self.reader.start().wait_until_ready()
        self.fetcher.start()
        self.ended(20)
        return self

    def close(self) -> None:
        """Leave nothing behind."""
        self.reader.close()
        self.fetcher.close()

    def results(self) -> list[str]:
        """The file of every committed result; empty while Kafka cannot be read."""
        try:
            records = list(read_to_end(self._settings, f"{PREFIX}._files", timeout_s=20))
        except (TransientError, TopicMissing):
            return []
        return [FileResult.from_json(record.value or b"").file_id for record in records]

    def ended(self, count: int) -> None:
        def enough() -> bool:
            if not self.fetcher.running():
                # As its supervisor does: the second call in a life that does not return ends it.
                assert [event["code"] for event in self.fetcher.events() if event["event"] == "fatal"] == [69]
                self.fetcher.start()
            return len(set(self.results())) >= count

        try:
            eventually(enough, 150, f"{count} results")
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self._open()}\n{self.fetcher.tail()}") from None

    def _open(self) -> str:
        """Where transactions are open: those that stay so, and are nobody's, the broker has left hanging."""
        admin = KafkaAdmin(self._settings)
        places = [each for name in ("_files", "_file_refs") for each in admin.topic_partitions(f"{PREFIX}.{name}")]
        ends, stable = admin.end_offsets(places, "uncommitted"), admin.end_offsets(places, "committed")
        return f"open: {[f'{each}: {stable[each]} of {end}' for each, end in ends.items() if stable[each] < end]}"

    def expect_each_once(self) -> None:
        """All references end with one result each; the fetcher is ready again, and ends in order."""
        self.ended(FILES)
        assert [each for each, count in Counter(self.results()).items() if count > 1] == []
        try:
            assert self.fetcher.wait_until_ready().stop() == 0
        except (AssertionError, subprocess.TimeoutExpired) as exc:
            raise AssertionError(f"{exc}\n{self.fetcher.tail()}") from None


@pytest.fixture
def settings(database: Database, s3: S3Address, s3_bucket: str, tmp_path: Path) -> dict[str, str]:
    """Of both services, but for where Kafka is."""
    with closing(s3.client()) as client, ThreadPoolExecutor(8) as pool:
        bodies = {f"{n}.txt": f"drawing number {n} ".encode() * 500 for n in range(FILES)}
        list(pool.map(lambda key: client.put_object(Bucket=s3_bucket, Key=key, Body=bodies[key]), bodies))
    database.execute(TABLE)
    rows = f"SELECT n, 'drawing ' || n, n || '.txt' FROM generate_series(0, {FILES - 1}) n"
    database.execute(f"INSERT INTO drawings {rows}")
    settings = environment(database, "", NO_VESPA, PREFIX)
    own = {
        "S3__ENDPOINT_URL": s3.endpoint_url,
        "S3__BUCKET": s3_bucket,
        "S3__REGION": s3.region,
        "S3__ACCESS_KEY_ID": s3.access_key_id,
        "S3__SECRET_ACCESS_KEY": s3.secret_access_key,
        "RETRY__DELAYS_S": "[0.5, 1]",
        # Few at a time, and often written: there is something to interrupt.
        "DOWNLOAD__CONNECTIONS": "1",
        "DOWNLOAD__MAX_CONNECTIONS": "1",
        "PUBLISH_INTERVAL_S": "0.05",
        "DATA_DIRECTORY": str(tmp_path / "fetcher"),
    }
    return settings | {f"ROWFERRY_{name}": value for name, value in own.items()}


@pytest.fixture
def begun(settings: dict[str, str], tmp_path: Path) -> Iterator[Callable[[str], Load]]:
    """Begins the load on a Kafka."""
    with ExitStack() as closing_all:

        def begin(bootstrap_servers: str) -> Load:
            load = Load(settings | {"ROWFERRY_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers}, tmp_path)
            closing_all.callback(load.close)
            return load.start()

        yield begin


def _killed(kafka: KafkaServer, away: Callable[[], None]) -> None:
    kafka.kill()
    away()
    kafka.restart()


def _frozen(kafka: KafkaServer, away: Callable[[], None]) -> None:
    kafka.pause()
    away()
    kafka.resume()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.rule("P13")
@pytest.mark.parametrize("fault", [_killed, _frozen])
def test_p13_broker_that_was_away_leaves_each_reference_with_one_result(
    own_kafka: KafkaServer, begun: Callable[[str], Load], fault: Callable[[KafkaServer, Callable[[], None]], None]
) -> None:
    load = begun(own_kafka.bootstrap_servers)
    back = time.monotonic() + AWAY_S
    fault(own_kafka, lambda: eventually(lambda: time.monotonic() > back) and None)
    load.expect_each_once()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.rule("P13")
def test_p13_broker_that_was_stopped_leaves_each_reference_with_one_result(begun: Callable[[str], Load]) -> None:
    # One of three. The only copy of a partition that is stopped in order may leave transactions open for good that were
    # committed in its last moments (KAFKA-20734): their markers are given up because nobody leads the partition.
    with cluster(tell) as nodes:
        load = begun(",".join(node.bootstrap_servers for node in nodes))
        back = time.monotonic() + AWAY_S
        nodes[0].stop()
        eventually(lambda: time.monotonic() > back)
        nodes[0].restart()
        load.expect_each_once()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.rule("P13")
def test_p13_rolling_restart_of_three_brokers_leaves_each_reference_with_one_result(
    begun: Callable[[str], Load],
) -> None:
    with cluster(tell) as nodes:
        load = begun(",".join(node.bootstrap_servers for node in nodes))
        for node in nodes:
            node.stop()
            node.restart()
            eventually(lambda: _in_step(nodes), 120, "copies on every node")
        load.expect_each_once()


def _in_step(nodes: Sequence[KafkaServer]) -> bool:
    """Whether every partition has all its copies, so that the next node may go."""
    client = AdminClient({"bootstrap.servers": nodes[0].bootstrap_servers})
    topics = client.list_topics(timeout=20).topics.values()
    return all(len(each.isrs) == len(nodes) for topic in topics for each in topic.partitions.values())
