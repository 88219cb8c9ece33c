"""
Where each rule of the guarantees is kept and proved, written into `docs/explanation/guarantees.md`.

A module keeps a rule when the last line of its docstring says so: `Keeps: S1, V5.` A test proves one when it is marked
`rule("S1")` or named after it, `test_s1_...`. `python -m tests.rules` writes the page (`make guarantees`); a unit test
compares it, so that it cannot go stale.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from tests.unit.sources import PRODUCT, ROOT, Module, modules

PAGE = ROOT / "docs" / "explanation" / "guarantees.md"
_RULE = r"[SDVPFL][0-9]+"
_KEEPS = re.compile(rf"^Keeps: ({_RULE}(?:, {_RULE})*)\.$")
_NAMED = re.compile(r"test_([sdvpfl][0-9]+)_")
_PLACE = re.compile(rf"<!-- rule ({_RULE}) -->.*?<!-- end -->", re.DOTALL)
_TITLE = re.compile(rf"^\* \*\*({_RULE})\*\* ", re.MULTILINE)


def kept_by(found: Iterable[Module]) -> dict[str, list[str]]:
    """The modules that keep each rule, by their paths; raises `ValueError` for a line that says it in another form."""
    keepers: dict[str, list[str]] = {}
    for module in found:
        last = (ast.get_docstring(module.tree) or "").strip().rpartition("\n")[2].strip()
        if not last.startswith("Keeps"):
            continue
        if (match := _KEEPS.fullmatch(last)) is None:
            raise ValueError(f"{module.name}: expected 'Keeps: S1, V5.', got {last!r}")
        for rule in match[1].split(", "):
            keepers.setdefault(rule, []).append(_path(module))
    return keepers


def proved_by(found: Iterable[Module]) -> dict[str, dict[str, list[str]]]:
    """The tests that prove each rule, by the paths of their modules."""
    proofs: dict[str, dict[str, list[str]]] = {}
    for module in found:
        for test in module.functions():
            if test.name.startswith("test_"):
                for rule in _rules_of(test):
                    proofs.setdefault(rule, {}).setdefault(_path(module), []).append(test.name)
    return proofs


def listed(page: str) -> list[str]:
    """The rules that the page explains, in its order."""
    return _TITLE.findall(page)


def filled(page: str, keepers: Mapping[str, list[str]], proofs: Mapping[str, Mapping[str, list[str]]]) -> str:
    """The page with the modules and tests of each rule; raises `ValueError` for a rule without either."""

    def place(match: re.Match[str]) -> str:
        rule = match[1]
        if rule not in keepers or rule not in proofs:
            raise ValueError(f"expected a module that keeps {rule} and a test that proves it, got none")
        kept = ", ".join(_link(path, path) for path in sorted(keepers[rule]))
        proved = "; ".join(
            f"{_link(path.rpartition('/')[2], path)} ({', '.join(f'`{name}`' for name in sorted(set(names)))})"
            for path, names in sorted(proofs[rule].items())
        )
        return f"<!-- rule {rule} -->\n  Kept in {kept}.\n  Proved by {proved}.\n  <!-- end -->"

    return _PLACE.sub(place, page)


def current() -> str:
    """The page as it must be."""
    return filled(PAGE.read_text("utf-8"), kept_by(modules(*PRODUCT).values()), proved_by(modules("tests").values()))


def _path(module: Module) -> str:
    path = module.name.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def _rules_of(test: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    named = _NAMED.match(test.name)
    return {rule for node in test.decorator_list for rule in _marked(node)} | ({named[1].upper()} if named else set())


def _marked(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
        yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))


def _link(text: str, path: str) -> str:
    return f"[`{text}`](../../{path})"


if __name__ == "__main__":
    PAGE.write_text(current(), "utf-8")
