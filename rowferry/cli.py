"""The `rowferry` command: reads the arguments, runs a subcommand, returns its exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

from cdc_runtime.consuming.records import Record
from cdc_runtime.settings.models import load
from cdc_runtime.settings.sources import flag_of, iter_settings, without_addresses
from cdc_runtime.unreadable import UNREADABLE
from rowferry.discover import command as discover
from rowferry.doctor import command as doctor
from rowferry.own_names import with_own_names
from rowferry.reconcile import command as reconcile
from rowferry.settings import OperatorSettings
from rowferry.status import command as status
from schemas.errors import RecordError, RowferryError, Sql, UsageError

_COMMANDS = {"discover": discover, "doctor": doctor, "reconcile": reconcile, "status": status}
# Settings in groups have flags with a dot; these are what people type.
_ALIASES = {"--vespa-url": "--vespa.url", "--kafka-bootstrap-servers": "--kafka.bootstrap-servers"}
_CANCELLED = 130


class _Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would exit with a code that some command gives another meaning."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{without_addresses(message)}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; one line on stderr for each error, the remedy behind it."""
    # The clients' own logs are silenced: what matters comes back as an error, in one line.
    logging.getLogger().addHandler(logging.NullHandler())
    UNREADABLE.tell = _unreadable
    try:
        arguments, flags = _parser().parse_known_args(list(sys.argv[1:] if argv is None else argv))
        command = _COMMANDS[arguments.command]
        try:
            settings = load(OperatorSettings, [_plain(flag) for flag in flags], prog=f"rowferry {arguments.command}")
            return int(command.run(arguments, with_own_names(settings)))
        except RowferryError as exc:
            return _failed(exc, getattr(command, "exit_code_of", _exit_code_of)(exc))
    except RowferryError as exc:
        return _failed(exc, exc.exit_code)
    except KeyboardInterrupt:
        print("rowferry: interrupted", file=sys.stderr)
        return _CANCELLED


def _plain(flag: str) -> str:
    name, sign, value = flag.partition("=")
    return _ALIASES.get(name, name) + sign + value


def _failed(exc: RowferryError, exit_code: int) -> int:
    for line in str(exc).splitlines():
        print(f"rowferry: {line}", file=sys.stderr)
    if exc.remedy:
        between = "\n" if isinstance(exc.remedy, Sql) else " "
        print(f"remedy:{between}{exc.remedy}", file=sys.stderr)
    return exit_code


def _unreadable(record: Record, problem: RecordError, consequence: str) -> None:
    mended_by = f"; remedy: {problem.remedy}" if problem.remedy else ""
    place = f"offset {record.offset} of {record.topic}[{record.partition}]"
    print(f"rowferry: {place} cannot be read: {problem}; {consequence}{mended_by}", file=sys.stderr)


def _exit_code_of(exc: RowferryError) -> int:
    return exc.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="rowferry", description="Inspect, check and operate a pipeline.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    every_setting = ", ".join(flag_of(name) for name, _ in iter_settings(OperatorSettings))
    for name, command in _COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=command.SUMMARY,
            description=command.SUMMARY,
            allow_abbrev=False,
            epilog=f"Every setting is a flag as well: --config, --secrets-dir, {every_setting}.",
        )
        command.add_arguments(sub)
    return parser
