"""Whether a server answers a client, asked as a client asks: None when it does, else one line of why not."""

from __future__ import annotations

import http.client
import logging
import urllib.error
import urllib.request

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_ASK_TIMEOUT_S = 3

# librdkafka reports each refused connection; the caller says it once.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True


def postgres(dsn: str) -> str | None:
    """Log in and run a query."""
    try:
        with psycopg.connect(dsn, connect_timeout=_ASK_TIMEOUT_S) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as exc:
        return _one_line(exc)
    return None


def kafka(bootstrap_servers: str) -> str | None:
    """Ask for the topics: a broker that was just started answers before it has taken its partitions."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0}, logger=_SILENT)
    try:
        metadata = client.list_topics(timeout=_ASK_TIMEOUT_S)
    except KafkaException as exc:
        return _one_line(exc.args[0].str() if exc.args else exc)
    if not metadata.brokers:
        return "no broker is in service yet"
    leaderless = [
        f"{name}/{number}"
        for name, topic in metadata.topics.items()
        for number, partition in topic.partitions.items()
        if partition.leader not in metadata.brokers
    ]
    return f"partitions without a leader: {' '.join(leaderless[:5])}" if leaderless else None


def vespa(url: str) -> str | None:
    """Ask for the status page, which every Vespa container has."""
    try:
        with urllib.request.urlopen(f"{url}/status.html", timeout=_ASK_TIMEOUT_S) as answer:
            answer.read()
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return _one_line(exc)
    return None


def s3(endpoint_url: str) -> str | None:
    """Ask for the list of buckets without a signature: a refusal is an answer too."""
    try:
        with urllib.request.urlopen(endpoint_url, timeout=_ASK_TIMEOUT_S) as answer:
            answer.read()
    except urllib.error.HTTPError as exc:
        exc.close()
        return None if exc.code == http.client.FORBIDDEN else _one_line(exc)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return _one_line(exc)
    return None


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
