"""
The suite in every configuration, one after the other: `python -m tests.matrix [ARGUMENTS OF PYTEST ...]`.

Prints each configuration as ran (and how it ended), or as not run with the reason. Returns 1 when one that ran
failed; one that could not be run is told, and fails nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from devstack import java, postgres_programs
from devstack.errors import DevstackError
from tests import containers

ROOT = Path(__file__).parents[1]
# An editable install would find the compiled modules of this tree from any other.
_NO_EDITABLE = """\
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if "_EditableFinder" not in repr(finder)]
"""
_LEFT_OUT = shutil.ignore_patterns(".*", "*.so", "build", "dist", "site", "target", "__pycache__", "*.egg-info", "out")


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to run the suite; `missing` gives the reason why it cannot be run here, or None."""

    name: str
    arguments: tuple[str, ...]
    missing: Callable[[], str | None]
    environment: dict[str, str] = field(default_factory=dict)
    in_a_copy: bool = False


def _no_version(version: int, origin: str | None = None) -> str | None:
    try:
        postgres_programs.find(version, origin)
        java.java()
    except DevstackError as exc:
        return str(exc)
    return None


def _not_compiled() -> str | None:
    if find_spec("cdc_reader.transcode.compiled") is None:
        return "the compiled module was not built; is there a C compiler?"
    return _no_version(18)


def _no_debian() -> str | None:
    return postgres_programs.no_wal2json() or _no_version(15, "debian")


def _no_docker() -> str | None:
    reason = containers.missing()
    return None if reason is None else f"no Docker engine answers: {reason}"


CONFIGURATIONS = (
    Configuration("PostgreSQL 18, compiled module", ("--postgres-version=18",), _not_compiled),
    Configuration("PostgreSQL 16, compiled module", ("--postgres-version=16",), lambda: _no_version(16)),
    Configuration("PostgreSQL 14, compiled module", ("--postgres-version=14",), lambda: _no_version(14)),
    Configuration(
        "PostgreSQL 15, compiled module",
        ("--postgres-version=15", "--postgres-origin=maven"),
        lambda: _no_version(15, "maven"),
    ),
    Configuration(
        "PostgreSQL 15 of Debian with wal2json, compiled module",
        ("--postgres-version=15", "--postgres-origin=debian"),
        _no_debian,
    ),
    Configuration("PostgreSQL 17, compiled module", ("--postgres-version=17",), lambda: _no_version(17)),
    Configuration(
        "PostgreSQL 18, without the compiled module",
        ("--postgres-version=18",),
        lambda: _no_version(18),
        {"ROWFERRY_TEST_WITHOUT_COMPILED": "1"},
        in_a_copy=True,
    ),
    Configuration("Docker: PostgreSQL 18, Kafka, full Vespa", ("--containers", "--postgres-version=18"), _no_docker),
)


def main(arguments: Sequence[str]) -> int:
    """Run all configurations with these arguments of pytest besides."""
    results = [(configuration.name, *_try(configuration, arguments)) for configuration in CONFIGURATIONS]
    print("\nTest matrix")
    for name, _, told in results:
        print(f"  {name}: {told}")
    return 0 if all(good for _, good, _ in results) else 1


def _try(configuration: Configuration, arguments: Sequence[str]) -> tuple[bool, str]:
    if (reason := configuration.missing()) is not None:
        return True, f"not run: {reason}"
    print(f"\n=== {configuration.name}", flush=True)
    began = time.monotonic()
    argv = [sys.executable, "-m", "pytest", "-q", *configuration.arguments, *arguments]
    with _tree(configuration) as folder:
        environment = os.environ | configuration.environment | {"PYTHONPATH": str(folder)}
        code = subprocess.run(argv, cwd=folder, env=environment, check=False).returncode
    took = f"{time.monotonic() - began:.0f} s"
    return code == 0, f"ran, passed in {took}" if code == 0 else f"ran, FAILED with exit {code} after {took}"


@contextmanager
def _tree(configuration: Configuration) -> Iterator[Path]:
    """The folder to run in: this one, or a copy that nothing was built in."""
    if not configuration.in_a_copy:
        yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="rowferry-matrix-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        (copy / "sitecustomize.py").write_text(_NO_EDITABLE)
        yield copy


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
