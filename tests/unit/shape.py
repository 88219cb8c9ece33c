"""What the project's shape is held to, and how a breach of it is found in the syntax trees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from tests.unit.sources import BESIDE, Module

# Who may import whom, besides itself.
LAYERS = {
    "schemas": set(),
    "cdc_runtime": {"schemas"},
    "cdc_reader": {"schemas", "cdc_runtime"},
    "vespa_sink": {"schemas", "cdc_runtime"},
    "file_fetcher": {"schemas", "cdc_runtime"},
    "rowferry": {"schemas", "cdc_runtime", "cdc_reader", "vespa_sink", "file_fetcher"},
}
CLIENTS = {"aiohttp", "boto3", "confluent_kafka", "http", "obstore", "prometheus_client", "psycopg", "uvloop", "vespa"}
CLIENTS |= {"pydantic_settings", "sqlite3", "urllib.request"}
CLIENTS |= {"PIL", "botocore", "google", "openpyxl", "pypdfium2", "python_calamine", "urllib3"}
WORLD = {"asyncio", "concurrent", "fcntl", "logging", "multiprocessing", "os", "queue", "random", "secrets", "select"}
WORLD |= {"selectors", "shutil", "signal", "socket", "ssl", "structlog", "subprocess", "sys", "tempfile", "threading"}
WORLD |= {"time", "traceback", "uuid"}

LONGEST_MODULE, LONGEST_FUNCTION = 400, 50
VAGUE_MODULES = {"common", "helper", "helpers", "misc", "util", "utils"}
VAGUE_ENDINGS = ("Manager", "Handler", "Helper", "Utils")
# Where the reference case may be named: legacy variables, and names of documents in its index.
PROCORE = {
    "cdc_runtime.settings.sources": {"PROCORE_DATABASE_URL"},
    "vespa_sink.settings": {"procore", "procore_record", "procore_schema", "procore_file", "procore_file_row"},
    "rowferry.settings": {"procore", "procore_record", "procore_schema", "procore_file", "procore_file_row"},
}


def wrong_imports(module: Module) -> list[str]:
    ours = {*LAYERS, *BESIDE, "tests", "docs"}
    others = {name.partition(".")[0] for name in module.imports()} & ours - {module.package}
    return [f"{module.name} imports {other}" for other in sorted(others - LAYERS[module.package])]


def circle(found: Mapping[str, Module]) -> list[str]:
    """The modules of one circle of imports, each importing the one before it; type-only imports count."""
    try:
        TopologicalSorter({name: module.needs(found) for name, module in found.items()}).prepare()
    except CycleError as exc:
        return list(exc.args[1])
    return []


def uses(module: Module, libraries: set[str]) -> set[str]:
    imported = module.imports()
    return {name for name in libraries if any(other == name or other.startswith(f"{name}.") for other in imported)}


def clocks(module: Module) -> bool:
    return any(text in module.text for text in (".now(", ".utcnow(", ".today("))


def docstring(module: Module) -> str | None:
    first = module.tree.body[0] if module.tree.body else None
    value = getattr(getattr(first, "value", None), "value", None)
    return value if isinstance(value, str) else None


def calls_itself_edge(module: Module) -> bool:
    return (docstring(module) or "").lstrip().startswith("Edge")


def long_functions(module: Module) -> list[str]:
    # The length of a test is that of its expected values, written out.
    counted = [node for node in module.functions() if module.package != "tests" or not node.name.startswith("test_")]
    sizes = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in counted}
    return [f"{module.name}.{name} has {lines} lines" for name, lines in sizes.items() if lines > LONGEST_FUNCTION]


def vague_names(module: Module) -> list[str]:
    vague = [module.name] if VAGUE_MODULES & set(module.name.split(".")) else []
    return vague + [f"{module.name}.{name}" for name in module.definitions() if name.endswith(VAGUE_ENDINGS)]


def case_names(module: Module) -> list[str]:
    words = {word.strip("_") for word in re.findall(r"\w*procore\w*", module.text, re.IGNORECASE)}
    return [f"{module.name} says {word}" for word in sorted(words - PROCORE.get(module.name, set()))]
