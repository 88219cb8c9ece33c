"""
Finds decisions by prose: code that looks for words in a message that is meant for people.

Prose is `str()` of a caught exception, of an argument whose type is one of the exceptions, and what is made of that;
parameters of type `str` and attributes that are called after messages (`reason`, `message`, `subject` ...); and,
followed through calls within the product, the parameters that any of these is handed to. Looking for words in it,
comparing it, or taking it apart is a decision. Printing it, or its lines, is none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.unit.sources import Module

MESSAGES = {"reason", "message", "subject", "trouble", "problem", "remedy"}
_LOOKING = {"startswith", "endswith", "partition", "rpartition", "split", "rsplit", "find", "rfind", "index"}
_LOOKING |= {"removeprefix", "removesuffix", "count", "replace"}
_PATTERNS = {"search", "match", "fullmatch", "findall", "finditer"}
_SAME = {"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "splitlines"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class _Known:
    """A function of the product: what it is called, what is in it, and which of its parameters get prose."""

    name: str
    node: Function
    inner: list[ast.AST]
    prose: set[str] = field(default_factory=set)

    @property
    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """The calls of functions by their bare names."""
        for node in self.inner:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node, node.func.id

    @property
    def parameters(self) -> list[ast.arg]:
        given = self.node.args
        return [
            each for each in (*given.posonlyargs, *given.args) if each.arg not in ("self", "cls")
        ] + given.kwonlyargs


def decisions_by_prose(product: Mapping[str, Module]) -> set[str]:
    """The functions that look for words in prose, as `module.function`."""
    raised = _exceptions(product.values())
    known, handed = [], []
    for module in product.values():
        names = _imported(module) | {node.name: f"{module.name}.{node.name}" for node in module.functions()}
        for node in module.functions():
            each = _Known(f"{module.name}.{node.name}", node, list(ast.walk(node)))
            each.prose |= {arg.arg for arg in each.parameters if arg.arg in MESSAGES and _is_text(arg.annotation)}
            known.append(each)
            handed += [(each, call, names[name]) for call, name in each.calls if name in names]
    by_name = {each.name: each for each in known}
    calls = [(caller, call, by_name[name]) for caller, call, name in handed if name in by_name]
    while _hand_on(calls, raised):
        pass
    return {each.name for each in known if _decides_by(each, _Prose(each, raised))}


def _decides_by(function: _Known, is_prose: _Prose) -> bool:
    return any(_decides(node, is_prose) for node in function.inner)


def _exceptions(modules: Iterable[Module]) -> set[str]:
    """Names of classes that are exceptions, ours and Python's."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"Exception", "BaseException", "OSError", "ValueError", "Error"}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


class _Prose:
    """Tells whether an expression of one function is prose."""

    def __init__(self, function: _Known, exceptions: set[str]) -> None:
        self._errors = {node.name for node in function.inner if isinstance(node, ast.ExceptHandler) and node.name}
        self._errors |= {
            arg.arg for arg in function.parameters if arg.annotation is not None and _names(arg.annotation) & exceptions
        }
        self._texts = set(function.prose)
        assigned = [node for node in function.inner if isinstance(node, ast.Assign)]
        for node in (*assigned, *assigned):  # twice: a text may be handed on before the line that is looked at first
            if self(node.value):
                self._texts |= {target.id for target in node.targets if isinstance(target, ast.Name)}

    def __call__(self, node: ast.expr | None) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._texts
        if isinstance(node, ast.BoolOp):
            return any(map(self, node.values))
        if isinstance(node, ast.IfExp):
            return self(node.body) or self(node.orelse)
        if isinstance(node, ast.Subscript):
            return self(node.value) or (isinstance(node.value, ast.Attribute) and self._is_arguments(node.value))
        if isinstance(node, ast.Attribute):
            return node.attr in MESSAGES
        return isinstance(node, ast.Call) and self._is_told(node)

    def _is_arguments(self, node: ast.Attribute) -> bool:
        return node.attr == "args" and isinstance(node.value, ast.Name) and node.value.id in self._errors

    def _is_told(self, node: ast.Call) -> bool:
        if isinstance(node.func, ast.Name) and node.func.id in ("str", "repr") and node.args:
            told = node.args[0]
            return (isinstance(told, ast.Name) and told.id in self._errors) or self(told)
        return isinstance(node.func, ast.Attribute) and node.func.attr in _SAME and self(node.func.value)


def _decides(node: ast.AST, is_prose: _Prose) -> bool:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(operator, ast.In | ast.NotIn) and is_prose(right):
                return True
            if isinstance(operator, ast.Eq | ast.NotEq) and any(map(is_prose, (left, right))):
                return not any(_is_code(side) for side in (left, right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _LOOKING and is_prose(node.func.value):
            return True
        return node.func.attr in _PATTERNS and any(map(is_prose, node.args))
    return False


def _is_code(node: ast.expr) -> bool:
    """Nothing, or an attribute: a reason that is compared as a whole is a word of a list, no sentence."""
    return isinstance(node, ast.Attribute) or (isinstance(node, ast.Constant) and node.value == "")


def _hand_on(calls: Iterable[tuple[_Known, ast.Call, _Known]], exceptions: set[str]) -> bool:
    """Mark the parameters that get prose from a caller; whether there was one that was not marked yet."""
    told: dict[str, _Prose] = {}
    found = False
    for caller, call, called in calls:
        if caller.name not in told:
            told[caller.name] = _Prose(caller, exceptions)
        is_prose = told[caller.name]
        names = [arg.arg for arg in called.parameters]
        given = [*zip(names, call.args, strict=False), *((each.arg, each.value) for each in call.keywords if each.arg)]
        more = {name for name, value in given if is_prose(value)} - called.prose
        called.prose |= more
        found = found or bool(more)
    return found


def _imported(module: Module) -> dict[str, str]:
    """What names that were taken from other modules are called there."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _is_text(annotation: ast.expr | None) -> bool:
    return annotation is not None and _names(annotation) <= {"str", "None"}


def _names(annotation: ast.expr) -> set[str]:
    return set(_names_in(annotation))


def _names_in(annotation: ast.expr) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
