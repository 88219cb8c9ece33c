"""The project's own modules as syntax trees, for tests of rules that all code keeps."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("schemas", "cdc_runtime", "cdc_reader", "vespa_sink", "file_fetcher", "rowferry")
BESIDE = ("devstack", "bench")


@dataclass(frozen=True, slots=True)
class Module:
    """One module: dotted name, text, and the tree of it."""

    name: str
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, name: str, text: str) -> Module:
        return cls(name, text, ast.parse(text))

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def imports(self) -> set[str]:
        """What is imported when it runs: modules, and `module.name` for names taken from one."""
        skipped = {id(node) for node in _for_types(self.tree)}
        found = set()
        for node in ast.walk(self.tree):
            if id(node) in skipped:
                continue
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def needs(self, others: Collection[str]) -> set[str]:
        """Those of the modules `others` that it imports, for types too; a package is needed for its own names alone."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= inner if inner <= set(others) else inner | {node.module}
        return found & set(others) - {self.name}

    def records(self) -> set[str]:
        """The names of its plain records: making one does nothing."""
        classes = [node for node in self.tree.body if isinstance(node, ast.ClassDef)]
        return {node.name for node in classes if _is_record(node)}

    def calls_into(self, others: Mapping[str, Collection[str]]) -> list[str]:
        """
        The names taken from those modules that are called here; as types they may be used freely.

        `others` maps each module to those of its names that may be called.
        """
        taken = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                taken |= {alias.asname or alias.name for alias in node.names if _taken(node.module, alias.name, others)}
        called = {_root(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        return sorted(taken & called)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def definitions(self) -> Iterator[str]:
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        return (node.name for node in ast.walk(self.tree) if isinstance(node, kinds))


def _taken(module: str, name: str, others: Mapping[str, Collection[str]]) -> bool:
    return f"{module}.{name}" in others or (module in others and name not in others[module])


def _is_record(node: ast.ClassDef) -> bool:
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    bases = [ast.unparse(base) for base in node.bases]
    return "NamedTuple" in bases or any(decorator.startswith("dataclass") for decorator in decorators)


def _root(expression: ast.expr) -> str:
    while isinstance(expression, ast.Attribute):
        expression = expression.value
    return expression.id if isinstance(expression, ast.Name) else ""


def _for_types(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for statement in node.body:
                yield from ast.walk(statement)


@functools.cache
def modules(*packages: str) -> dict[str, Module]:
    """All modules of the packages by dotted name; a package that is not there has none."""
    found = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module.parse(name, path.read_text("utf-8"))
    return found
