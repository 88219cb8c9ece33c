"""
What a remedy names: pages, commands and their flags, settings, events of the log, metrics. Each must be there.

A rename that forgets a remedy leaves an operator with a word that nothing knows. So whatever looks like a name is
looked up, and a name of somebody else's (PostgreSQL's, Kafka's, S3's) stands in `FOREIGN`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cdc_runtime.settings.product_names import PRODUCT_SETTINGS
from cdc_runtime.settings.sources import flag_of
from tests.unit.sources import ROOT, Module

FOREIGN = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "CONFIGURATION.md",  # librdkafka's
        "SQL_ASCII",
        "advertised.listeners",
        "auto",
        "client_encoding",
        "doc_id",
        "idle_replication_slot_timeout",
        "logical",
        "max_connections",
        "max_slot_wal_keep_size",
        "offsets.retention.minutes",
        "pg_drop_replication_slot",
        "pg_hba.conf",
        "pg_locks",
        "pg_reload_conf",
        "pg_terminate_backend",
        "sasl.mechanism",
        "sasl.username",
        "security.protocol",
        "server.properties",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
        "synchronous_standby_names",
        "wal_level",
        "wal_sender_timeout",
    }
)
PROGRAMS = ("cdc-reader", "file-fetcher", "rowferry", "vespa-sink")
_CLIS = ("cdc_reader.cli", "file_fetcher.cli", "rowferry.cli", "vespa_sink.cli")
_OTHERS_COMMAND = re.compile(r"(?:[\w-]+\.sh|\baws) .*")
_PATH = re.compile(r"\b(?:docs|deploy)/[\w/.-]*\w")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z.-]*[a-z]")
_PROGRAM = re.compile(rf"\b({'|'.join(PROGRAMS)}) ([a-z]+)")
_VARIABLE = re.compile(r"\bROWFERRY_[A-Z0-9_]*[A-Z0-9]")
# With an underscore or a dot inside; within backticks or quotes; before a value.
_NAME = re.compile(
    r"\b[A-Za-z][A-Za-z0-9]*(?:[._][A-Za-z0-9]+)+\b|`([a-z_]+)`|'([a-z_]+)'|\b([a-z_]+): (?:true|false)\b"
)
_YAML = re.compile(r"\b([a-z0-9]+): \{([a-z_]+):")
_LOGS = ("debug", "info", "warning", "error", "critical", "exception")


@dataclass(frozen=True, slots=True)
class Known:
    """Names that are there. `verbs`: (program, verb)."""

    settings: Collection[str]
    flags: Collection[str]
    verbs: Collection[tuple[str, str]]
    events: Collection[str]
    metrics: Collection[str]


def known(product: Mapping[str, Module]) -> Known:
    """What the product's code has names for."""
    texts = set(_texts(product.values()))
    flags = {each for each in texts if _FLAG.fullmatch(each)} | {flag_of(each) for each in PRODUCT_SETTINGS}
    return Known(
        settings=PRODUCT_SETTINGS,
        flags=flags,
        verbs={verb for name in _CLIS for verb in _verbs(product[name])},
        events=set(_events(product.values())),
        metrics={each for each in texts if each.startswith("rowferry_")},
    )


def unknown(text: str, there: Known) -> list[str]:
    """What a remedy names that is not there."""
    ours = _OTHERS_COMMAND.sub("", text)
    found = [each for each in _PATH.findall(ours) if not (ROOT / each).exists()]
    ours = _PATH.sub("", ours)
    found += [each for each in _FLAG.findall(ours) if each not in there.flags]
    found += [" ".join(each) for each in _PROGRAM.findall(ours) if each not in there.verbs]
    for variable in _VARIABLE.findall(ours):
        if variable.removeprefix("ROWFERRY_").lower().replace("__", ".") not in there.settings:
            found.append(variable)
    names = {*there.settings, *there.events, *there.metrics, *FOREIGN, *PROGRAMS}
    return found + [each for each in named(_VARIABLE.sub("", ours)) if each not in names]


def named(text: str) -> list[str]:
    """The words of a text that look like names; one of a group in YAML is told as `group.name`."""
    text = _YAML.sub(r"\1.\2:", text)
    return [next(filter(None, match.groups()), match[0]) for match in _NAME.finditer(text)]


def _texts(modules: Iterable[Module]) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _events(modules: Iterable[Module]) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(module.tree):
            match node:
                case ast.Call(func=ast.Attribute(attr=level), args=[ast.Constant(value=str(event)), *_]) if (
                    level in _LOGS
                ):
                    yield event


def _verbs(cli: Module) -> Iterator[tuple[str, str]]:
    """From the lines of the usage, or a table of commands."""
    for node in ast.walk(cli.tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_COMMANDS":
            assert isinstance(node.value, ast.Dict)
            yield from (("rowferry", str(ast.literal_eval(each))) for each in node.value.keys if each is not None)
    for text in _texts([cli]):
        for line in text.splitlines():
            if match := re.match(rf"(?:usage:)?\s+({'|'.join(PROGRAMS)}) ([a-z]+)", line):
                yield match[1], match[2]
