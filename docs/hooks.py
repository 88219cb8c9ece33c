"""
Fills the pages of the documentation with what the code says, at each build, so that they cannot be stale.

A line `<!-- from code: NAME -->` becomes the text of `FROM_CODE[NAME]`; `<!-- output: COMMAND ... -->` becomes what
that command of the product prints. A name or command that does not exist fails the build. A link out of the
documentation, to the source, works in a checkout; the site holds no source and shows its text alone.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

from mkdocs.exceptions import PluginError

from cdc_reader.settings import ReaderSettings
from cdc_runtime.metrics import metrics_reference
from cdc_runtime.settings.reference import settings_reference
from cdc_runtime.settings.sources import LEGACY_VARIABLES
from file_fetcher.settings import FetcherSettings
from rowferry.settings import OperatorSettings
from schemas import errors, topics
from schemas.topics import Topics, TopicSpec
from vespa_sink.settings import SinkSettings

COMMANDS = {
    "cdc-reader": "cdc_reader.cli",
    "file-fetcher": "file_fetcher.cli",
    "vespa-sink": "vespa_sink.cli",
    "rowferry": "rowferry.cli",
}
_MARK = re.compile(r"^<!-- (from code|output): (.+?) -->$", re.MULTILINE)
_SOURCE_LINK = re.compile(r"\[([^\]]+)\]\(\.\./\.\./[^)#]+\)")


def on_page_markdown(markdown: str, **_: object) -> str:
    """MkDocs calls this for every page."""
    inside = _SOURCE_LINK.sub(r"\1", markdown)
    return _MARK.sub(lambda match: _output(match[2]) if match[1] == "output" else _from_code(match[2]), inside)


def _from_code(name: str) -> str:
    if name not in FROM_CODE:
        raise PluginError(f"expected one of {sorted(FROM_CODE)} behind 'from code', got {name!r}")
    return FROM_CODE[name]()


def _output(line: str) -> str:
    command, *arguments = shlex.split(line)
    if command not in COMMANDS:
        raise PluginError(f"expected a command of the product behind 'output', got {command!r}")
    call = f"from {COMMANDS[command]} import main; raise SystemExit(main())"
    argv = [sys.executable, "-c", call, *arguments]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")}
    done = subprocess.run(argv, env={**plain, "COLUMNS": "100"}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PluginError(f"{line!r} ended with exit {done.returncode}: {done.stderr.strip()}")
    return f"```text\n$ {line}\n{done.stdout.rstrip()}\n```"


def _exit_codes() -> str:
    kinds: dict[int, list[type[errors.RowferryError]]] = {}
    for kind in _leaves(errors.RowferryError):
        kinds.setdefault(kind.exit_code, []).append(kind)
    rows = ["| code | error | meaning |", "| --- | --- | --- |", "| 0 | | Done, or stopped as asked. |"]
    for code, found in sorted(kinds.items()):
        names = ", ".join(f"`{kind.__name__}`" for kind in found)
        rows.append(f"| {code} | {names} | {' '.join(_first_line(kind) for kind in found)} |")
    return "\n".join(rows)


def _leaves(kind: type[errors.RowferryError]) -> Iterator[type[errors.RowferryError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__ and issubclass(child, errors.FatalError):
            if child is not errors.FatalError:
                yield child
            yield from _leaves(child)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _legacy() -> str:
    rows = [f"| `{variable}` | `{name}` |" for variable, name in LEGACY_VARIABLES.items()]
    return "\n".join(["| variable | setting |", "| --- | --- |", *rows])


def _topic_settings() -> str:
    names = Topics("cdc")
    specs = [
        topics.table_topic("cdc.public.orders", 3),
        topics.directory_topic(names.schemas),
        topics.directory_topic(names.tables),
        topics.directory_topic(names.control),
        topics.offsets_topic(names.offsets("rowferry")),
        topics.state_topic(names.files, 3),
        topics.state_topic(names.file_rows, 3),
        topics.state_topic(names.file_refs, 3),
        topics.failure_topic(names.retry("rowferry-file-fetcher"), 3),
        topics.failure_topic(names.dead_letters("rowferry-vespa-sink"), 3),
    ]
    rows = [f"| `{spec.name}` | {spec.partitions} | {_config(spec)} |" for spec in specs]
    return "\n".join(["| topic | partitions | settings |", "| --- | --- | --- |", *rows])


def _config(spec: TopicSpec) -> str:
    return "<br>".join(f"`{name}={value}`" for name, value in spec.config.items())


FROM_CODE: Mapping[str, Callable[[], str]] = {
    "settings": lambda: settings_reference(
        {
            "cdc-reader": ReaderSettings,
            "vespa-sink": SinkSettings,
            "file-fetcher": FetcherSettings,
            "rowferry": OperatorSettings,
        }
    ),
    "legacy variables": _legacy,
    "metrics": metrics_reference,
    "exit codes": _exit_codes,
    "topic settings": _topic_settings,
}
