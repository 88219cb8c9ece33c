"""What an entry of the lists is, and what can be wrong with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Their issues are open: what is built of them is proved, and no test claims them.
_KEPT_IN_PART = {"P14", "F4", "F5", "F6"}
_RULE = re.compile(r"[SDVPFL][1-9][0-9]*")


class Stale(Exception):
    """An entry that no longer fits the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """
    The edit that takes `rule` out of `file`: `text`, which is there once, becomes `replacement`.

    `without` says for people what is missing then; each of `tests` is red without it, in one of its cases at least.
    """

    rule: str
    without: str
    file: str
    text: str
    replacement: str
    tests: tuple[str, ...]

    def applied(self, source: str) -> str:
        """The file's text without the rule; raises `Stale`."""
        if (count := source.count(self.text)) != 1:
            raise Stale(f"{self}: expected {self.text!r} once in {self.file}, found it {count} times")
        return source.replace(self.text, self.replacement)

    def problems(self) -> Iterator[str]:
        """What is wrong with the entry, without running anything."""
        if not _RULE.fullmatch(self.rule):
            yield f"{self}: expected a rule like 'S1', got {self.rule!r}"
        if not self.file.endswith(".py"):
            yield f"{self}: {self.file} is not Python: what would have to be built again has no mutants"
            return
        try:
            compile(self.applied((ROOT / self.file).read_text()), self.file, "exec", dont_inherit=True)
        except (Stale, OSError, SyntaxError) as exc:
            yield str(exc)
        if not self.tests:
            yield f"{self}: expected tests, got none"
        for test in self.tests:
            path, _, name = test.partition("::")
            rules = marked(path).get(name)
            if rules is None:
                yield f"{self}: there is no test {test}"
            elif self.rule not in rules | _KEPT_IN_PART:
                yield f"{self}: expected {test} to carry @pytest.mark.rule({self.rule!r})"

    def __str__(self) -> str:
        return f"{self.rule} without {self.without}"


@cache
def marked(path: str) -> dict[str, set[str]]:
    """The tests of a file, each with the rules that it is marked with."""
    file = ROOT / path
    if not file.is_file():
        return {}
    body = ast.parse(file.read_text()).body
    functions = [node for node in body if isinstance(node, _FUNCTIONS) and node.name.startswith("test_")]
    of_all = {rule for node in body if isinstance(node, ast.Assign) for rule in _rules(ast.walk(node.value))}
    return {node.name: of_all | _rules(node.decorator_list) for node in functions}


def unlisted(mutants: Iterable[Mutant]) -> list[str]:
    """Unit tests that claim to prove a rule, and that no mutant names."""
    listed = {test for mutant in mutants for test in mutant.tests}
    paths = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/unit").rglob("test_*.py"))
    claiming = [
        f"{path}::{name}"
        for path in paths
        for name, rules in marked(path).items()
        if any(name.startswith(f"test_{rule.lower()}_") for rule in rules)
    ]
    return [test for test in claiming if test not in listed]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _rules(nodes: Iterable[ast.AST]) -> set[str]:
    marks = [each for each in nodes if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.rule"]
    return {each.value for mark in marks for each in mark.args if isinstance(each, ast.Constant)}
