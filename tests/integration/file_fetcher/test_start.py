"""What stops the fetcher's start, and how it is told: wrong settings before any neighbour is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.settings.models import KafkaSettings
from schemas.topics import Topics, state_topic

SETTINGS_ERROR = 78
NO_KAFKA = "127.0.0.1:1"


def started(*flags: str, kafka: str = NO_KAFKA) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "file_fetcher", "run", "--kafka.bootstrap-servers", kafka, "--http.port", "0"]
    return subprocess.run([*command, *flags], capture_output=True, text=True, timeout=150, check=False)


def told(process: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in process.stderr.splitlines() if not line.startswith("{")]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--urls.hosts", "files.example.com/a/path"], "urls.hosts"),
        (["--google.credentials-file", "/no/such/key.json"], "google.credentials_file"),
        (["--s3.access-key-id", "AKIA"], "s3.secret_access_key"),
        (["--data-directory", "/proc/no/such/folder"], "data_directory"),
        (["--retry.delays-s", "[5, -1]"], "retry.delays_s"),
    ],
)
def test_a_wrong_setting_is_told_before_kafka_is_waited_for(flags, words, tmp_path):
    process = started("--data-directory", str(tmp_path), *flags, "--start-timeout-s", "45")
    assert process.returncode == SETTINGS_ERROR
    (line,) = told(process)
    assert words in line


def test_a_store_that_is_not_there_stops_the_start(kafka, topic_prefix, s3, tmp_path):
    topics = Topics(topic_prefix)
    KafkaAdmin(KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix)).ensure_topics(
        [state_topic(name, 3) for name in (topics.schemas, topics.tables)]
    )
    flags = {
        "--kafka.prefix": topic_prefix,
        "--data-directory": str(tmp_path),
        "--store-url": "s3://no-such-bucket-here/kept",
        "--s3.endpoint-url": s3.endpoint_url,
        "--s3.region": s3.region,
        "--s3.access-key-id": s3.access_key_id,
        "--s3.secret-access-key": s3.secret_access_key,
    }
    process = started(*(word for flag in flags.items() for word in flag), kafka=kafka)
    assert process.returncode == SETTINGS_ERROR
    (line,) = told(process)
    assert "no-such-bucket-here" in line
    assert "NoSuchBucket" in line
