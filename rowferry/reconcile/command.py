"""Edge: `rowferry reconcile`: joins the two readers and the comparison, again and again when it is told to wait."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import closing

import orjson

from cdc_reader.discovery.captures import CAPTURED, REPLICATION, capture_of
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.selection import Selection, table_name
from cdc_reader.discovery.waiting_leaves import unpublished_leaves
from rowferry.connections import database
from rowferry.http_client import HttpClient
from rowferry.origins import check_database, position_if_told
from rowferry.reconcile.comparison import Comparison
from rowferry.reconcile.database import Database
from rowferry.reconcile.files.side import FileSide
from rowferry.reconcile.index import Index
from rowferry.reconcile.ledger import Ledger
from rowferry.reconcile.report import NotCompared, Report
from rowferry.settings import OperatorSettings
from schemas.errors import SettingsError
from schemas.names import TableName

SUMMARY = "compare the index with the database, row by row, field by field, and file by file"
EQUAL, DIFFERENT = 0, 1
_PAUSE_S = 1.0  # between two comparisons: each one reads everything


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this command."""
    parser.add_argument("--tables", nargs="+", metavar="TABLE", help="compare only these, `table` or `schema.table`")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="compare again until equal, at most so long"
    )
    parser.add_argument("--no-files", action="store_true", help="leave files out: Kafka is not asked then")


def run(arguments: argparse.Namespace, settings: OperatorSettings) -> int:
    """Compare and print the report; 0 when equal, 1 when not."""
    if not arguments.no_files:
        check_database(settings, position_if_told(settings))
    only = [table_name(text, "--tables") for text in arguments.tables] if arguments.tables else None
    report = until_equal(lambda: compare(settings, only, files=not arguments.no_files), wait_s=arguments.wait)
    if arguments.json:
        sys.stdout.write(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(report.to_text())
    return EQUAL if report.equal else DIFFERENT


def compare(settings: OperatorSettings, only: list[TableName] | None = None, *, files: bool = True) -> Report:
    """One comparison, of the tables in `only` or of everything; raises what the two sides raise."""
    selection = Selection.by(settings)
    with database(settings) as connection, closing(HttpClient(settings.vespa.url)) as client, Ledger() as ledger:
        catalog = read_catalog(connection, selection, publication=settings.publication)
        index = Index(client, namespace=settings.vespa.namespace, document_type=settings.vespa.record_type)
        with Database(connection, publication=settings.publication) as snapshot:
            wanted = _captured(catalog, only)
            shapes = [
                shape
                for shape in snapshot.shapes(
                    [table.name for table in catalog.tables if table.relation.key_columns], selection.keys
                )
                if TableName(shape.table.schema, shape.table.name) in wanted
            ]
            report = Comparison(shapes, snapshot, index, only_these=only is not None).run(ledger)
            found = FileSide(settings, client, only_these=only is not None)
            about_files = found.compare(shapes, snapshot) if files else NotCompared("--no-files")
    return Report(report.tables, tuple(_not_captured(catalog, only)), report.memories, about_files)


def until_equal(attempt: Callable[[], Report], *, wait_s: float) -> Report:
    """The first report that tells equality, or the last one before the time is over."""
    deadline = time.monotonic() + wait_s
    while True:
        report = attempt()
        if report.equal or time.monotonic() >= deadline:
            return report
        time.sleep(min(_PAUSE_S, max(0.0, deadline - time.monotonic())))


def _captured(catalog: Catalog, only: list[TableName] | None) -> set[TableName]:
    captured = {table.name for table in catalog.tables if capture_of(table).mode in CAPTURED}
    unknown = sorted(set(only or ()) - catalog.by_name.keys())
    if unknown:
        raise SettingsError(
            expected="tables that are selected for capture",
            found=", ".join(map(str, unknown)),
            remedy="correct --tables, or the settings 'tables' and 'exclude'",
        )
    return captured if only is None else captured & set(only)


def _not_captured(catalog: Catalog, only: list[TableName] | None) -> list[tuple[str, str]]:
    found = [(table.name, capture_of(table)) for table in catalog.tables if only is None or table.name in only]
    tables = [
        (name.document_table, f"{capture.mode}: {capture.reason}")
        for name, capture in found
        if capture.mode not in CAPTURED
    ]
    captured = [catalog.table(name) for name, capture in found if capture.mode == REPLICATION]
    return tables + [
        (str(leaf.name), f"partition of {table.name}: it is not in the publication")
        for table in captured
        for leaf in unpublished_leaves(table, catalog.publication)
    ]
