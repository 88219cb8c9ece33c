"""No decision is made by prose: what is to be decided about an error stands in its class and its fields."""

from __future__ import annotations

import pytest

from tests.unit.prose import decisions_by_prose
from tests.unit.sources import PRODUCT, Module, modules

# A neighbour's client that has words and no code for them; the words are read here and nowhere else.
WITHOUT_A_CODE: dict[str, str] = {
    "cdc_runtime.kafka.client.refused_options": "librdkafka on an option that it does not take; says only which it was",
    "cdc_runtime.kafka.librdkafka_lines._failed": "librdkafka's log; chooses the level of a line, nothing else",
    "cdc_reader.postgres.connections._refusal": "libpq on a connection that the server refused",
    "file_fetcher.download.obstore_engine.opening_problem": "obstore on an answer of the store",
    "vespa_sink.vespa.answers.refusal": "Vespa on a document that it rejects; names what may be told of it",
}


def test_no_decision_is_made_by_prose() -> None:
    assert decisions_by_prose(modules(*PRODUCT)) == WITHOUT_A_CODE.keys()


ERROR = "class Problem(Exception): ...\n"
DECISIONS = {
    "a word in a message": "def f():\n try: g()\n except OSError as exc:\n  return 'afka' in str(exc)",
    "a word in a reason": "def f(reason: str): return 'kafka' if 'afka' in reason else 'postgres'",
    "a word in a reason that may be none": "def f(reason: str | None): return 'afka' in reason",
    "the beginning of a subject": "def f(subject: str): return subject.startswith('document type ')",
    "a message taken apart": "def f():\n try: g()\n except OSError as exc:\n  return str(exc).partition(', got ')[2]",
    "a message with a name": "def f():\n try: g()\n except OSError as exc:\n  a = str(exc).lower()\n  return 'x' in a",
    "a message against another": "def f():\n try: g()\n except OSError as exc:\n  return str(exc) == 'gone'",
    "an argument of an error": "def f():\n try: g()\n except OSError as exc:\n  return 'x' in exc.args[0]",
    "a pattern": "import re\ndef f(message: str): return re.search('x', message)",
    "a remedy": "def f():\n try: g()\n except Problem as exc:\n  return 'SQL' in exc.remedy",
    "a text beside an answer": "def f(probe): return 'redentials' in probe.trouble",
    "an error that was handed in": "def f(problem: Problem): return 'x' in str(problem)",
}


@pytest.mark.parametrize("text", DECISIONS.values(), ids=DECISIONS)
def test_a_decision_by_prose_is_found(text: str) -> None:
    assert decisions_by_prose({"schemas.x": Module.parse("schemas.x", ERROR + text)}) == {"schemas.x.f"}


def test_prose_is_followed_through_calls_and_modules() -> None:
    caller = "from schemas.y import kind\ndef f():\n try: g()\n except OSError as exc:\n  return kind(str(exc))"
    called = "def kind(text): return _inner(words=text.strip())\ndef _inner(words): return 'x' in words"
    product = {"schemas.x": Module.parse("schemas.x", caller), "schemas.y": Module.parse("schemas.y", called)}
    assert decisions_by_prose(product) == {"schemas.y._inner"}


NONE = {
    "a message is printed": "def f():\n try: g()\n except OSError as exc:\n  print(str(exc).splitlines())",
    "a code is looked up": "def f(problem: Problem): return problem.reason in ('network', 'gone')",
    "a code is compared": "def f(problem: Problem): return problem.reason == 'network'",
    "a class decides": "def f(problem: Problem): return isinstance(problem, OSError)",
    "whether there is a reason": "def f(reason: str | None): return reason is None",
    "whether a reason is empty": "def f(reason: str): return reason != ''",
    "a word in other words": "def f(line: str): return 'x' in line",
}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_no_decision_by_prose_is_let_be(text: str) -> None:
    assert decisions_by_prose({"schemas.x": Module.parse("schemas.x", ERROR + text)}) == set()
