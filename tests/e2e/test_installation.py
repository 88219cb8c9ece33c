"""
What operators install, `requirements/runtime.txt` and the wheel, is enough: each command starts in a fresh environment.

The wheel is built without a C compiler, which saves the time and is allowed. Needs pip and its index, as `make setup`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from cdc_runtime.version import VERSION

ROOT = Path(__file__).parents[2]
_SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
_PACKAGES = ("schemas", "cdc_runtime", "cdc_reader", "vespa_sink", "file_fetcher", "rowferry")
# Everything is imported before a neighbour is asked, and none of these is there.
_NOWHERE = ("--kafka.bootstrap-servers", "127.0.0.1:1", "--start-timeout-s", "0.2", "--http.port", "0")
_DATABASE = "postgresql://u@127.0.0.1:1/db"
RUNS: dict[str, tuple[list[str], int]] = {
    "cdc-reader": (["cdc-reader", "run", *_NOWHERE, "--database-url", _DATABASE], 69),
    "cdc-reader reset": (["cdc-reader", "reset", "--execute", "--database-url", _DATABASE], 69),
    "file-fetcher": (["file-fetcher", "run", *_NOWHERE, "--s3.region", "eu-west-1"], 69),
    "vespa-sink": (["vespa-sink", "run", *_NOWHERE], 69),
    "vespa-sink check": (["vespa-sink", "check"], 78),
    "rowferry discover": (["rowferry", "discover", "--database-url", _DATABASE], 1),
    "rowferry reconcile": (["rowferry", "reconcile", "--database-url", _DATABASE], 69),
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment with what operators install, and nothing else."""
    folder = tmp_path_factory.mktemp("installation")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    into = ("--python", str(environment / "bin" / "python"))
    _pip(*into, "install", "--require-hashes", "--no-compile", "-r", str(ROOT / "requirements" / "runtime.txt"))
    _pip(*into, "install", "--no-deps", "--no-compile", "--no-index", str(_wheel(folder)))
    return environment / "bin"


def _wheel(folder: Path) -> Path:
    """Built from a copy, so that nothing is left in the checkout; what Cython wrote before is used again."""
    source = folder / "source"
    source.mkdir()
    for name in _SOURCES:
        shutil.copy2(ROOT / name, source)
    for name in (*_PACKAGES, "build/cython"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    _pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", str(folder), str(source), CC="false")
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pip(*arguments: str, **variables: str) -> None:
    argv = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def _run(commands: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("ROWFERRY_", "PYTHON"))}
    argv = [str(commands / command), *arguments]
    return subprocess.run(argv, env=plain, cwd=commands, capture_output=True, text=True, timeout=120, check=False)


def test_every_script_of_the_wheel_is_among_those_started(commands: Path):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {argv[0] for argv, _ in RUNS.values()}
    assert all((commands / script).exists() for script in scripts)


def test_what_the_wheel_requires_is_installed(commands: Path):
    _pip("--python", str(commands / "python"), "check")


@pytest.mark.parametrize("command", ["cdc-reader", "file-fetcher", "vespa-sink"])
def test_a_service_tells_its_version(commands: Path, command: str):
    done = _run(commands, command, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{command} {VERSION}\n", "")


@pytest.mark.parametrize(("argv", "code"), RUNS.values(), ids=RUNS)
def test_a_command_starts_and_says_which_neighbour_it_lacks(commands: Path, argv: list[str], code: int):
    done = _run(commands, *argv)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr[-3000:]
