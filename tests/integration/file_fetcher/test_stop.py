"""How the fetcher ends while something holds it up."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.names import TableName
from schemas.topics import Topics, failure_topic, state_topic
from tests.waiting import eventually

GROUP = "rowferry-file-fetcher"
ASSIGNED = re.compile(rf'rowferry_consumer_assigned_partitions{{group="{GROUP}"}} 3\.0')


def port_of(log: Path) -> int:
    """Where a fetcher serves its metrics; 0 as long as it does not say so."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return next((line["port"] for line in lines if line["event"] == "health and metrics served"), 0)


def metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return answer.read().decode()


def test_the_end_does_not_wait_for_state_that_cannot_be_read(kafka, topic_prefix, tmp_path):
    settings, topics = KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix), Topics(topic_prefix)
    table, retries = topics.table(TableName("public", "photos")), topics.retry(GROUP)
    admin = KafkaAdmin(settings)
    admin.ensure_topics([state_topic(name, 3) for name in (topics.schemas, topics.tables, table)])
    admin.ensure_topics([failure_topic(retries, 3)])
    other = TransactionalProducer(settings, f"{topic_prefix}-other", transaction_timeout_s=120)
    other.init(30)
    other.begin()
    other.produce(retries, b"k", b"v", partition=0)
    place = [each for each in admin.topic_partitions(retries) if each.partition == 0]
    eventually(lambda: other.poll() or admin.end_offsets(place, "uncommitted")[place[0]], what="an open transaction")
    flags = {
        "--kafka.bootstrap-servers": kafka,
        "--kafka.prefix": topic_prefix,
        "--http.port": "0",
        "--fetcher-group": GROUP,
    }
    flags |= {"--data-directory": str(tmp_path / "data"), "--http.host": "127.0.0.1", "--http.port": "0"}
    command = [sys.executable, "-m", "file_fetcher", "run", *(word for flag in flags.items() for word in flag)]
    log = tmp_path / "log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            port = eventually(lambda: port_of(log), what="a port")
            eventually(lambda: ASSIGNED.search(metrics(port)), 150, "partitions")
            process.send_signal(signal.SIGTERM)
            # By itself the state becomes readable after two minutes.
            assert process.wait(60) == 0
        finally:
            process.kill()
    other.abort()
    other.close()
