"""Copies of the work tree, in which rules are taken out and put back; the work tree itself is only read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import ROOT, Mutant

# An editable install would find the modules of the work tree from any other.
_NO_EDITABLE = """\
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if "_EditableFinder" not in repr(finder)]
"""
# Without cache and random order nothing of one run has an effect on the next; what no test here needs costs time.
_LEFT_OUT = ("randomly", "cacheprovider", "xdist", "anyio")
_PYTEST = ("-m", "pytest", "-q", *(f"-pno:{name}" for name in _LEFT_OUT), "--no-header", "--tb=short")
_TEST_S = 120  # one test without its rule may wait for ever
_RUN_S = 1200  # and then its process may not end


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of some tests: the exit code, cases by the name of their test, and what was printed."""

    code: int
    failed: dict[str, str]
    errors: dict[str, str]
    output: str


class Tree:
    """One copy; used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tree"
        self._compiled = folder / "compiled"
        for name in _files():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        (self.folder / "sitecustomize.py").write_text(_NO_EDITABLE)

    @contextmanager
    def without(self, mutant: Mutant) -> Iterator[None]:
        """The copy without a rule. Raises `Stale`."""
        file = self.folder / mutant.file
        original = file.read_text()
        edited = mutant.applied(original)
        try:
            self._replace(file, edited)
            yield
        finally:
            self._replace(file, original)

    def run(self, tests: Sequence[str]) -> Ran:
        """Run tests in the copy."""
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        argv = [sys.executable, *_PYTEST, f"--timeout={_TEST_S}", f"--junit-xml={report}", *tests]
        own = {"PYTHONPATH": str(self.folder), "PYTHONPYCACHEPREFIX": str(self._compiled)}
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | own
        try:
            done = subprocess.run(
                argv,
                cwd=self.folder,
                env=environment,
                check=False,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_RUN_S,
            )
        except subprocess.TimeoutExpired:
            return Ran(-1, {}, {}, f"it did not end within {_RUN_S} s")
        return Ran(done.returncode, _cases(report, "failure"), _cases(report, "error"), done.stdout)

    def _replace(self, file: Path, text: str) -> None:
        file.write_text(text)
        # Compiled files are told apart by second and size: an edit may have both in common with what it replaces.
        for compiled in (self._compiled / file.parent.relative_to("/")).glob(f"{file.stem}.*.pyc"):
            compiled.unlink()


def _files() -> list[Path]:
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    listed = [Path(name) for name in names if name and (ROOT / name).is_file()]
    packages = sorted({path.parts[0] for path in listed if len(path.parts) > 1 and path.suffix == ".py"})
    return listed + [path.relative_to(ROOT) for name in packages for path in (ROOT / name).rglob("*.so")]


def _cases(report: Path, kind: str) -> dict[str, str]:
    if not report.is_file():
        return {}
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').partition('[')[0]}"
        for each in case.iter(kind):
            found[name] = each.get("message", "")
    return found
