"""Edge: `rowferry discover`: reads the inventory and writes it. Flags and exit codes are a contract."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.selection import Selection
from rowferry.connections import database
from rowferry.discover.contents import COUNT_TIMEOUT_S, Wanted, read_contents
from rowferry.discover.inventory import inventory
from rowferry.discover.markdown import markdown
from rowferry.settings import OperatorSettings
from schemas.errors import AccessDenied, FatalError, RowferryError, TransientError, UsageError

SUMMARY = "write the inventory of the database: tables, columns, relationships, files, how each is captured"
DONE, NO_CONNECTION, NO_PERMISSION, NO_OUTPUT = 0, 1, 2, 3
_LONGEST_COUNT_S = 86_400


class OutputFailed(FatalError):
    """The inventory could not be written."""

    exit_code = NO_OUTPUT


class NotConnected(FatalError):
    """The database could not be reached or refused us."""

    exit_code = NO_CONNECTION


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this command."""
    parser.add_argument("--output", metavar="PATH", help="write to this file instead of stdout")
    parser.add_argument(
        "--format",
        choices=("json", "markdown", "both"),
        default="json",
        help="with 'both' and --output, PATH gets the suffixes .json and .md",
    )
    parser.add_argument("--include-samples", action="store_true", help="the first 5 rows of each table")
    parser.add_argument(
        "--include-stats",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="estimate rows and file references, by the server's statistics and a few rows of each table",
    )
    parser.add_argument("--exact-counts", action="store_true", help="count all rows and file references instead")
    parser.add_argument(
        "--count-timeout",
        type=_seconds,
        default=COUNT_TIMEOUT_S,
        metavar="SECONDS",
        help=f"longest time to count one table, else its estimate stands (default {COUNT_TIMEOUT_S:g})",
    )


def run(arguments: argparse.Namespace, settings: OperatorSettings) -> int:
    """Read and write the inventory; 0 when done, 2 where a right is missing on a table: the others are there."""
    if arguments.exact_counts and not arguments.include_stats:
        raise UsageError("--exact-counts: expected statistics to be wanted, got --no-include-stats")
    wanted = Wanted(
        statistics=arguments.include_stats,
        exact=arguments.exact_counts,
        count_timeout_s=arguments.count_timeout,
        first_rows=arguments.include_samples,
    )
    found, failed = _read(settings, wanted)
    as_json = orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n"
    texts = {"json": as_json} if arguments.format != "markdown" else {}
    if arguments.format != "json":
        texts["md"] = markdown(found)
    _write(texts, Path(arguments.output) if arguments.output else None)
    for exc in failed:
        print(f"rowferry discover: {exc}", file=sys.stderr)
    return NO_PERMISSION if any(isinstance(exc, AccessDenied) for exc in failed) else DONE


def exit_code_of(exc: RowferryError) -> int:
    """The exit code that the contract gives to an error."""
    if isinstance(exc, AccessDenied):
        return NO_PERMISSION
    return NO_CONNECTION if isinstance(exc, TransientError) else exc.exit_code


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.001 <= seconds <= _LONGEST_COUNT_S:
        raise argparse.ArgumentTypeError(f"expected seconds from 0.001 to {_LONGEST_COUNT_S}")
    return seconds


def _read(settings: OperatorSettings, wanted: Wanted) -> tuple[dict[str, Any], Collection[RowferryError]]:
    """The inventory, and why tables could not be read."""
    connected = False
    try:
        with database(settings) as connection:
            connected = True
            catalog = read_catalog(connection, Selection.everything(), publication=settings.publication)
            contents = read_contents(connection, catalog, wanted)
            found = inventory(
                catalog,
                Selection.by(settings),
                contents,
                host=connection.info.host,
                now=datetime.now(UTC),
            )
            return found, contents.failed.values()
    except AccessDenied as exc:
        # A refused login is a failed connection: permission is what a session lacks.
        if connected:
            raise
        raise NotConnected.of(exc) from exc


def _write(texts: dict[str, str], path: Path | None) -> None:
    try:
        if path is None:
            sys.stdout.write("\n".join(texts.values()))
            sys.stdout.flush()
        elif len(texts) == 1:
            path.write_text("".join(texts.values()), encoding="utf-8")
        else:
            for suffix, text in texts.items():
                path.with_suffix(f".{suffix}").write_text(text, encoding="utf-8")
    except OSError as exc:
        place = "stdout" if path is None else repr(str(path))
        raise OutputFailed(
            f"expected to write the inventory to {place}, got: {exc.strerror or exc}",
            remedy="give --output a file in a folder that is there and that this user may write to",
        ) from exc
