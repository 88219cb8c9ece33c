"""Edge: `rowferry status`: asks each neighbour for its part; what one does not tell does not hide the others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

import orjson

from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.selection import Selection
from rowferry.connections import database
from rowferry.http_client import HttpClient
from rowferry.origins import check_database
from rowferry.reconcile.index import Index
from rowferry.settings import OperatorSettings
from rowferry.status.counts import read_counts
from rowferry.status.files import Files
from rowferry.status.held_files import read_files
from rowferry.status.pipeline import GroupNames, read_groups, read_stored
from rowferry.status.report import Count, Group, Slot, Status
from rowferry.status.slot import read_slot
from schemas.errors import RowferryError

SUMMARY = "show how far everything is: slot, position, snapshots, lag of sink and fetcher, files"
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this command."""
    parser.add_argument("--json", action="store_true", help="print the status as JSON")
    parser.add_argument("--counts", action="store_true", help="count rows and documents too: a scan of both")


def run(arguments: argparse.Namespace, settings: OperatorSettings) -> int:
    """Print the status; the exit code is that of the first part that could not be had."""
    questions = _Questions(settings)
    status = questions.ask(counts=arguments.counts)
    if arguments.json:
        sys.stdout.write(orjson.dumps(status.to_json(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(status.to_text())
    return questions.exit_code


class _Questions:
    """Asks for the parts, and keeps the errors of those that were not answered."""

    def __init__(self, settings: OperatorSettings) -> None:
        self._settings = settings
        self._errors: dict[str, RowferryError] = {}

    @property
    def exit_code(self) -> int:
        return next((error.exit_code for error in self._errors.values()), 0)

    def ask(self, *, counts: bool) -> Status:
        settings = self._settings
        slot = self._part("database", self._slot)
        stored = self._part("kafka", lambda: read_stored(settings.kafka, settings.source))
        if stored is not None and "database" not in self._errors:
            self._part("source", lambda: check_database(settings, stored.position))
        groups: list[Group] | None = None
        files: Files | None = None
        if stored is not None:
            names = GroupNames(settings.group, settings.fetcher_group)
            groups = self._part("groups", lambda: read_groups(settings.kafka, names, stored.entries))
            files = self._part("files", lambda: read_files(settings.kafka))
        counted = self._part("counts", self._counts) if counts else None
        return Status(
            slot=slot,
            position=stored.position if stored else None,
            captures=stored.captures if stored else {},
            set_aside=stored.set_aside if stored else {},
            waiting=stored.waiting if stored else {},
            snapshots=stored.snapshots if stored else (),
            polls=stored.polls if stored else (),
            groups=groups or (),
            files=files,
            counts=counted,
            errors={part: _with_remedy(error) for part, error in self._errors.items()},
        )

    def _part(self, name: str, question: Callable[[], T]) -> T | None:
        try:
            return question()
        except RowferryError as exc:
            self._errors[name] = exc
            return None

    def _slot(self) -> Slot | None:
        with database(self._settings) as connection:
            return read_slot(connection, self._settings.slot)

    def _counts(self) -> list[Count]:
        vespa = self._settings.vespa
        selection = Selection.by(self._settings)
        with database(self._settings) as connection, closing(HttpClient(vespa.url)) as client:
            catalog = read_catalog(connection, selection, publication=self._settings.publication)
            index = Index(client, namespace=vespa.namespace, document_type=vespa.record_type)
            return read_counts(connection, catalog, index)


def _with_remedy(error: RowferryError) -> str:
    return str(error) if error.remedy is None else f"{error}; {error.remedy}"
