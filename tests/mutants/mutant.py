"""What an entry of the lists is, and what can be wrong with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
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
            elif self.rule not in rules:
                yield f"{self}: expected {test} to carry @pytest.mark.rule({self.rule!r})"

    def __str__(self) -> str:
        return f"{self.rule} without {self.without}"


@lru_cache(maxsize=256)
def marked(path: str) -> dict[str, set[str]]:
    """The tests of a file, each with the rules that it is marked with."""
    file = ROOT / path
    if not file.is_file():
        return {}
    functions = [node for node in ast.parse(file.read_text()).body if isinstance(node, _FUNCTIONS)]
    return {node.name: _rules(node) for node in functions if node.name.startswith("test_")}


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _rules(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    marks = [each for each in function.decorator_list if isinstance(each, ast.Call)]
    arguments = [each.args for each in marks if ast.unparse(each.func) == "pytest.mark.rule"]
    return {each.value for args in arguments for each in args if isinstance(each, ast.Constant)}
