"""Edge: `rowferry doctor`: asks each neighbour, judges, prints what was found and how to mend it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeVar

import orjson

from cdc_reader.discovery.catalog import read_streamed
from cdc_reader.discovery.forbidden_tables import with_locked
from cdc_reader.discovery.key_changes import binding, with_set_aside
from cdc_reader.discovery.selection import Selection
from cdc_reader.discovery.waiting_leaves import with_waiting_leaves
from cdc_reader.postgres.plugins import PGOUTPUT, plugin_of
from cdc_reader.postgres.server import slot_row
from cdc_reader.tables.topic_names import with_names_checked
from rowferry.connections import database
from rowferry.doctor.bucket_checks import check_bucket, check_key_columns
from rowferry.doctor.bucket_facts import read_buckets, store_bucket
from rowferry.doctor.database_checks import check_database, check_position
from rowferry.doctor.database_facts import read_database_facts
from rowferry.doctor.facts import KafkaFacts, Names, VespaFacts
from rowferry.doctor.findings import Finding, failed, is_healthy, ok, to_json, to_text
from rowferry.doctor.kafka_checks import check_kafka
from rowferry.doctor.kafka_facts import read_kafka_facts
from rowferry.doctor.vespa_checks import check_vespa
from rowferry.doctor.vespa_facts import VespaQuestions
from rowferry.http_client import HttpClient
from rowferry.origins import read_origin
from rowferry.settings import OperatorSettings
from schemas.errors import Neighbour, RowferryError, SettingsError, Unreachable
from schemas.topics import Topics

SUMMARY = "check everything the pipeline needs, and say what to do about what is wrong"
HEALTHY, UNHEALTHY = 0, 1
_ANSWER = "an answer"
_ADDRESSES = {
    Neighbour.POSTGRES: "database_url",
    Neighbour.KAFKA: "kafka.bootstrap_servers",
    Neighbour.VESPA: "vespa.url",
}
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this command."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace, settings: OperatorSettings) -> int:
    """Print all findings; 0 when nothing failed (warnings are no failure), else 1."""
    findings = examine(settings)
    if arguments.json:
        sys.stdout.write(orjson.dumps(to_json(findings), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(to_text(findings))
    return HEALTHY if is_healthy(findings) else UNHEALTHY


def examine(settings: OperatorSettings) -> list[Finding]:
    """All findings; a neighbour that does not answer is one of them."""
    # The index is asked before Kafka: its versions are then no newer than the reader's, which go ahead of them.
    vespa, no_vespa = _asked("vespa.reachable", lambda: _vespa(settings))
    kafka, no_kafka = _asked(
        "kafka.reachable", lambda: read_kafka_facts(settings.kafka, settings.source, settings.fetcher_group)
    )
    database_findings, no_database = _asked("database.reachable", lambda: list(_database(settings, kafka)))
    findings = [ok("settings", "settings that can be read", "read")]
    findings += database_findings or no_database
    findings += check_kafka(kafka, settings.source) if kafka else no_kafka
    findings += check_vespa(vespa, kafka) if vespa else no_vespa
    findings += check_key_columns(kafka.entries if kafka else (), settings.s3.bucket, settings.s3.bucket_of)
    findings += _buckets(settings)
    return findings


def _asked(check: str, question: Callable[[], T]) -> tuple[T | None, list[Finding]]:
    """What a neighbour answers; when it does not, the finding that says so."""
    try:
        return question(), []
    except RowferryError as exc:
        return None, [failed(check, "", str(exc), exc.remedy or _remedy(exc))]


def _remedy(problem: RowferryError) -> str:
    """For what says itself only what happened."""
    if not isinstance(problem, Unreachable):
        return "run `rowferry doctor` again"
    address = _ADDRESSES.get(problem.neighbour or Neighbour.WEB, "its address in the settings")
    return f"check {address}, and that the server runs"


def _buckets(settings: OperatorSettings) -> Iterator[Finding]:
    try:
        buckets = read_buckets(settings)
    except SettingsError as exc:
        yield failed("s3.settings", "settings that agree", str(exc), exc.remedy or "give both, or neither")
        return
    for probe in buckets:
        yield from check_bucket(probe, kept_in=probe.bucket == store_bucket(settings))


def _database(settings: OperatorSettings, kafka: KafkaFacts | None) -> Iterator[Finding]:
    """In another database than the position's nothing else is looked at: a remedy would be for the wrong one."""
    with database(settings) as connection:
        server = read_origin(connection)
        whose = [] if kafka is None else [check_position(kafka.position, server)]
        if not is_healthy(whose):
            yield ok("database.reachable", _ANSWER, f"database {server.database!r}")
            yield from whose
            return
        selection = Selection.by(settings)
        plugin = plugin_of(settings.plugin, slot_row(connection, settings.slot)) or PGOUTPUT
        application = f"rowferry-{settings.source}"
        names = Names(settings.slot, settings.publication, application, settings.failover, plugin)
        catalog = read_streamed(connection, selection, names)
        if kafka is not None:
            bound = binding({str(entry.name): entry for entry in kafka.entries}, kafka.partitions)
            catalog = with_set_aside(catalog, bound, kafka.partitions)
            catalog = with_names_checked(catalog, Topics(settings.kafka.prefix), kafka.topic_names)
        # Without a publication an administrator makes one, who may add all of them.
        catalog = with_locked(with_waiting_leaves(catalog) if catalog.publication else catalog)
        facts = read_database_facts(connection, catalog, names)
    yield ok("database.reachable", _ANSWER, f"database {catalog.server.database!r} as {catalog.server.user!r}")
    yield from whose
    yield from check_database(catalog, facts, names)


def _vespa(settings: OperatorSettings) -> VespaFacts:
    vespa = settings.vespa
    with closing(HttpClient(vespa.url)) as documents, closing(HttpClient(vespa.query_url or vespa.url)) as search:
        return VespaQuestions(vespa, documents, search).facts()
