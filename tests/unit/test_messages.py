"""
What people read (errors, log fields, help of metrics and settings, command output) is in words that they can know.

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
}
_INSIDE = re.compile(rf"\b({'|'.join(INSIDE)})(s|ed|es)?\b", re.IGNORECASE)
_QUOTED = re.compile("`[^`]*`")  # names, which are an interface
_LOG = {"debug", "info", "warning", "error", "critical", "exception"}
# Text that people read is here too, of which nothing may be told in other words yet.
WITH_INSIDE_WORDS = {
    "cdc_reader.remedies": "a remedy, which a test executes as it is printed",
    "cdc_reader.snapshot.scan_states": "names of states and what is done in them, for the reader of the code",
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


def test_messages_are_in_words_that_operators_can_know() -> None:
    assert unknown_words(modules(*PRODUCT)) == []


def test_exceptions_are_there() -> None:
    product = modules(*PRODUCT)
    assert [name for name in WITH_INSIDE_WORDS if not any(map(_INSIDE.search, _texts(product[name])))] == []


def test_words_that_name_what_is_inside_are_explained_for_whoever_meets_them_in_the_docs() -> None:
    glossary = (ROOT / "docs/explanation/glossary.md").read_text(encoding="utf-8")
    for word in ("floor", "watermark", "overtaken", "tombstone", "incarnation", "sweep"):
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
