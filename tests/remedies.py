"""
Every remedy that the product can print, read from its code, and the tests that execute them.

A test that provokes a message, does what its remedy says as it is printed, and sees that all is well, is marked
`remedy("a piece of its text")`. `tests/unit/test_remedies.py` compares both sides, and holds the exceptions.

What is found: strings that are given as `remedy`, by name or by position, to anything of the product that has such a
parameter or field; names of constants are followed, `{}` stands for what is put in when it is printed.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.unit.sources import Module

# Where a remedy stands beside a class of errors, last in its row.
TABLES = {
    "cdc_reader.postgres.connections": ("_KINDS", "_REFUSALS"),
}
CONSTANTS = ("cdc_reader.remedies",)
# Functions that make the statements of a remedy.
STATEMENTS = {
    "cdc_reader.discovery.table_remedies": ("_statements", "_key", "_identity"),
    "cdc_reader.discovery.publication": ("_create", "_alterations"),
    "cdc_reader.discovery.waiting_leaves": ("_remedy",),
}
_HOLE = "{}"


@dataclass(frozen=True, order=True, slots=True)
class Remedy:
    """A text with holes, and the module that prints it."""

    text: str
    module: str


def remedies(product: Mapping[str, Module]) -> dict[str, list[str]]:
    """The modules of each remedy, by its text."""
    found: dict[str, set[str]] = {}
    positions = _positions(product.values())
    for module in product.values():
        reader = _Reader(module, product)
        for expression in _expressions(module, positions):
            for text in reader.texts(expression):
                # A comment says what another remedy says.
                if any(letter.isalpha() for letter in text.replace(_HOLE, "")) and not text.startswith("--"):
                    found.setdefault(text, set()).add(module.name)
    return {text: sorted(names) for text, names in sorted(found.items())}


def claims(tests: Iterable[Module]) -> dict[str, list[str]]:
    """The tests that claim each piece of a text, by the piece."""
    found: dict[str, list[str]] = {}
    for module in tests:
        for test in module.functions():
            for decorator in test.decorator_list:
                for mark in ast.walk(decorator):
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.remedy":
                        for piece in mark.args:
                            found.setdefault(ast.literal_eval(piece), []).append(f"{module.name}.{test.name}")
    return found


def claimed_by(piece: str, text: str, printed: Collection[str]) -> bool:
    """Whether a claim is of this remedy; one that is the whole of a remedy is of no other that holds it."""
    return piece == text or (piece in text and piece not in printed)


def _positions(product: Iterable[Module]) -> dict[str, int]:
    """Where a parameter or field `remedy` stands in the arguments of a function or record of that name."""
    found: dict[str, int] = {}
    for module in product:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [each.arg for each in node.args.args]
                names = names[1:] if names[:1] in (["self"], ["cls"]) else names
            elif isinstance(node, ast.ClassDef) and node.name in module.records():
                names = [
                    each.target.id
                    for each in node.body
                    if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
                ]
            else:
                continue
            if "remedy" in names:
                found[node.name] = names.index("remedy")
    return found


def _expressions(module: Module, positions: Mapping[str, int]) -> Iterator[ast.expr]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield from (each.value for each in node.keywords if each.arg == "remedy")
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in positions and len(node.args) > positions[name]:
                yield node.args[positions[name]]
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and _is_remedy(each.id) for each in targets):
                yield node.value
            if any(isinstance(each, ast.Name) and each.id in TABLES.get(module.name, ()) for each in targets):
                assert isinstance(node.value, ast.Tuple)
                yield from (row.elts[-1] for row in node.value.elts if isinstance(row, ast.Tuple))
            if module.name in CONSTANTS:
                yield node.value
        elif isinstance(node, ast.FunctionDef):
            yield from _returned(node)
            if node.name in STATEMENTS.get(module.name, ()):
                given = (each.value for each in ast.walk(node) if isinstance(each, ast.Yield | ast.Return))
                yield from (each for each in given if each is not None)


def _is_remedy(name: str) -> bool:
    return name.lower().strip("_").rpartition("_")[2] in ("remedy", "remedies")


def _returned(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a function gives back as a remedy: by its name, or beside a class of errors."""
    beside = "type[RowferryError]" in (ast.unparse(function.returns) if function.returns else "")
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            if beside and isinstance(node.value, ast.Tuple):
                yield node.value.elts[-1]
            elif _is_remedy(function.name):
                yield node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value


class _Reader:
    """The texts that an expression of a module may be."""

    def __init__(self, module: Module, product: Mapping[str, Module]) -> None:
        self._module = module
        self._product = product

    def texts(self, expression: ast.expr) -> list[str]:
        match expression:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                return ["".join(each.value if isinstance(each, ast.Constant) else _HOLE for each in values)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                ends = self.texts(right) or [_HOLE]
                return [begin + end for begin in self.texts(left) or [_HOLE] for end in ends]
            case ast.IfExp(body=one, orelse=other):
                return self.texts(one) + self.texts(other)
            case ast.BoolOp(values=values) | ast.Dict(values=values):
                return [text for each in values for text in self.texts(each)]
            case ast.Call(func=ast.Attribute(attr="join"), args=[ast.GeneratorExp(elt=one)]):
                return self.texts(one)
            case ast.Call(func=ast.Attribute(attr="join"), args=[ast.List(elts=parts)]) | ast.List(elts=parts):
                return [text for each in parts for text in self.texts(each)]
            case ast.ListComp(elt=one) | ast.Starred(value=one):
                return self.texts(one)
            case ast.Call(func=ast.Name(id="Sql"), args=[one]):
                return self.texts(one)
            case ast.Call(func=ast.Attribute(value=template, attr="format")):
                return self.texts(template)
            case ast.Call(func=ast.Name(id=name)):
                return self._made_by(name)
            case ast.Name(id=name):
                return self._named(name)
        return []

    def _made_by(self, name: str) -> list[str]:
        """What a function of the module gives back."""
        given = [
            node.value
            for function in self._module.functions()
            if function.name == name
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and node.value is not None
        ]
        return [text for value in given if not _names(value, name) for text in self.texts(value)]

    def _named(self, name: str) -> list[str]:
        """What a name of the module holds; a parameter holds what somebody else gave it."""
        for node in self._module.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module in self._product:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _Reader(self._product[node.module], self._product)._named(alias.name)
        given = [
            node.value
            for node in ast.walk(self._module.tree)
            if isinstance(node, ast.Assign) and any(ast.unparse(each) == name for each in node.targets)
        ]
        return [text for value in given if not _names(value, name) for text in self.texts(value)]


def _names(expression: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(expression))
