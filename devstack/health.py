"""Whether a server answers a client, asked as a client asks: None when it does, else one line of why not."""

from __future__ import annotations

import http.client
import logging
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
    """Ask for the list of topics."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0}, logger=_SILENT)
    try:
        client.list_topics(timeout=_ASK_TIMEOUT_S)
    except KafkaException as exc:
        return _one_line(exc.args[0].str() if exc.args else exc)
    return None


def vespa(url: str) -> str | None:
    """Ask for the status page, which every Vespa container has."""
    try:
        with urllib.request.urlopen(f"{url}/status.html", timeout=_ASK_TIMEOUT_S) as answer:
            answer.read()
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return _one_line(exc)
    return None


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
