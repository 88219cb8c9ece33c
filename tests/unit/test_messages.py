"""
What people read (errors, log fields, help of metrics and settings, command output) is in words that they can know, and
an error that ends a service says what to do.

Rules are ours: `(V14)` says nothing to an operator. Nor do the words for how things are done inside. A word that cannot
be had plainer stands in the glossary, and so do those of remedies, which link to pages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from tests.unit.sources import PRODUCT, ROOT, Module, modules

_RULE = re.compile(r"\brules? [A-Z]\d|\b(?!S3\b)[ADFPSV]\d{1,2}\b|\(S3\)")
# Words for what is inside, with what they are called outside.
INSIDE = {
    "floor": "the rows that are gone, of a truncate or a full read",
    "watermark": "our message around a chunk",
    "overtaken": "changed meanwhile",
    "void": "read again",
    "suspect": "doubted, and why",
    "anew": "again",
    "tombstone": "the record of a delete, or a record without a value",
    "incarnation": "life of the slot",
    "drain": "stopping",
    "sweep": "removal of what is gone",
    "swept": "removed",
    "mend": "correct",
    "verdict": "what became of it",
    "judged": "looked at",
    "trouble": "problem",
    "tick": "how long the main loop stands still",
}
_INSIDE = re.compile(rf"\b({'|'.join(INSIDE)})(s|ed|es)?\b", re.IGNORECASE)
_QUOTED = re.compile("`[^`]*`")  # names, which are an interface
_LOG = {"debug", "info", "warning", "error", "critical", "exception"}
# Text that people read is here too, of which nothing may be told in other words yet.
WITH_INSIDE_WORDS = {
    "cdc_reader.snapshot.scan_states": "names of states and what is done in them, for the reader of the code",
}


# An error of these ends a service. A wrong setting or flag may go without a remedy where its message says what is
# expected: that is what to do.
FATAL = "FatalError"
SAYS_ITSELF = ("SettingsError", "UsageError")
WITHOUT_REMEDY = {
    "file_fetcher.parsers.pool": "Python itself does not start: the log of the machine says why",
    "rowferry.reconcile.database": "a definition that changed meanwhile: its message names the doctor",
}


def unknown_words(product: Mapping[str, Module]) -> list[str]:
    """`module: text` of every text with a rule's letter, or with a word for what is inside."""
    return sorted(
        f"{module.name}: {text}"
        for module in product.values()
        if module.name not in WITH_INSIDE_WORDS
        for text in _texts(module)
        if _RULE.search(text) or _INSIDE.search(_QUOTED.sub("", text))
    )


def _texts(module: Module) -> Iterator[str]:
    """Texts of more than a word; no docstrings, and no names of log events, which are an interface."""
    apart = {id(node) for node in _apart(module.tree)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            text = node.value.strip()
            if " " in text and not text.startswith(("SELECT", "WITH", "--")):
                yield text


def _apart(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOG:
            yield from node.args[:1]


def without_remedy(product: Mapping[str, Module]) -> list[str]:
    """`module: class` of every fatal error that is made without saying what to do."""
    bases, usual = _classes(product)
    found = []
    for module in product.values():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            name = node.func.id
            line = list(_line(name, bases))
            if FATAL not in line or any(each in usual for each in line) or _says_what_to_do(node, line):
                continue
            found.append(f"{module.name}: {name}")
    return sorted(set(found))


def _says_what_to_do(call: ast.Call, line: list[str]) -> bool:
    if any(each.arg == "remedy" for each in call.keywords):
        return True
    if not any(each in SAYS_ITSELF for each in line):
        return False
    words = [each.value for each in ast.walk(call) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    # A message that is made elsewhere is another text of this list, or several of them.
    made = bool(call.args) and not isinstance(call.args[0], ast.Constant | ast.JoinedStr)
    named = any(each.arg == "expected" for each in call.keywords)
    return made or named or any("expected" in each or "--" in each or each.endswith(": ") for each in words)


def _classes(product: Mapping[str, Module]) -> tuple[dict[str, str], set[str]]:
    """The base of every class of errors, and the classes whose errors say what to do by themselves."""
    bases, usual = {}, set()
    for module in product.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and node.bases:
                bases[node.name] = ast.unparse(node.bases[0])
                if any(isinstance(each, ast.Assign) and "usual_remedy" in ast.unparse(each) for each in node.body):
                    usual.add(node.name)
    return bases, usual


def _line(name: str, bases: Mapping[str, str]) -> Iterator[str]:
    yield name
    while (name := bases.get(name, "")) in bases or name:
        yield name


def test_every_error_that_ends_a_service_says_what_to_do() -> None:
    found = without_remedy(modules(*PRODUCT))
    assert [each for each in found if each.partition(":")[0] not in WITHOUT_REMEDY] == []


def test_no_exception_is_left_that_says_what_to_do() -> None:
    assert set(WITHOUT_REMEDY) <= {each.partition(":")[0] for each in without_remedy(modules(*PRODUCT))}


ERRORS = "class FatalError(RowferryError): ...\nclass Lost(FatalError): ...\nclass SettingsError(FatalError): ...\n"
SILENT = {
    "nothing": ("raise Lost('gone')", True),
    "a remedy": ("raise Lost('gone', remedy='start it')", False),
    "a remedy of its class": ("class Odd(Lost):\n usual_remedy = 'report it'\nraise Odd('gone')", False),
    "a setting that says what it takes": ("raise SettingsError(f'x: expected a number, got {a}')", False),
    "a setting that does not": ("raise SettingsError('x is wrong')", True),
    "a passing error": ("class TransientError(RowferryError): ...\nraise TransientError('x')", False),
}


@pytest.mark.parametrize(("text", "found"), SILENT.values(), ids=SILENT)
def test_error_that_leaves_the_operator_alone_is_found(text: str, found: bool) -> None:
    assert bool(without_remedy({"schemas.x": Module.parse("schemas.x", ERRORS + text)})) is found


def test_messages_are_in_words_that_operators_can_know() -> None:
    assert unknown_words(modules(*PRODUCT)) == []


def test_exceptions_are_there() -> None:
    product = modules(*PRODUCT)
    assert [name for name in WITH_INSIDE_WORDS if not any(map(_INSIDE.search, _texts(product[name])))] == []


def test_words_that_name_what_is_inside_are_explained_for_whoever_meets_them_in_the_docs() -> None:
    glossary = (ROOT / "docs/explanation/glossary.md").read_text(encoding="utf-8")
    inside = ("floor", "watermark", "overtaken", "tombstone", "incarnation", "sweep")
    states = ("breaker", "held", "outdated", "set aside", "void")  # names that are an interface
    for word in (*inside, *states):
        assert re.search(rf"^\| {word}\b", glossary, re.MULTILINE), word


FOUND = {
    "an error": "raise RecordError('expected a floor, got none')",
    "a piece of an error": "raise RecordError(f'expected {a} below the floor, got {b}')",
    "a rule": "def f(): return 'refused (V14)'",
    "a rule in words": "HELP = 'see rule D2'",
    "a field of a log line": "_log.warning('stopped', because='the chunk is void')",
    "help": "X = _counter('rowferry_x_total', 'Watermarks written.')",
}
LET_BE = {
    "a docstring": "'''The floor of a table.'''",
    "the name of an event": "_log.warning('partition begins anew')",
    "a store": "raise SettingsError('expected credentials for S3, got none')",
    "a name": "HELP = '`anew`: the topic was made again'",
    "a key": "X = {'floor': 1}",
    "part of another word": "raise E('expected to avoid it')",
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND)
def test_unknown_word_is_found(text: str) -> None:
    assert len(unknown_words({"schemas.x": Module.parse("schemas.x", text)})) == 1


@pytest.mark.parametrize("text", LET_BE.values(), ids=LET_BE)
def test_what_people_do_not_read_is_let_be(text: str) -> None:
    assert unknown_words({"schemas.x": Module.parse("schemas.x", text)}) == []
