"""Each remedy that the product prints is executed by a test, as printed, or stands here with the reason why not."""

from __future__ import annotations

import pytest

from tests.named_in_remedies import FOREIGN, known, unknown
from tests.remedies import claimed_by, claims, remedies
from tests.unit.sources import PRODUCT, Module, modules

# Not executed by a test yet, by how they begin. It is empty, and stays so: a new remedy comes with its test.
NOT_YET: frozenset[str] = frozenset()
# What no test of ours can do, by the reason.
CANNOT_BE: dict[str, str] = {
    "set the clock (NTP)": "the clock is the whole machine's",
    "report it": "a bug that is known is mended, and who reports it is a person",
    "update this service first": "no newer release is at hand",
    "start the release that wrote it, or a newer one, instead of this one": "no newer release is at hand",
}


PRINTED = remedies(modules(*PRODUCT))
CLAIMED = claims(modules("tests").values())
OPEN = {text for text in PRINTED if not any(claimed_by(piece, text, PRINTED) for piece in CLAIMED)}


def test_each_remedy_is_executed_by_a_test_or_named_with_a_reason() -> None:
    named = tuple(NOT_YET | CANNOT_BE.keys())
    assert {text: PRINTED[text] for text in OPEN if not text.startswith(named)} == {}


def test_no_list_names_what_is_executed_or_no_longer_printed() -> None:
    assert {each for each in NOT_YET | CANNOT_BE.keys() if not any(text.startswith(each) for text in OPEN)} == set()


def test_each_claim_is_of_a_remedy_that_is_printed() -> None:
    assert {piece: tests for piece, tests in CLAIMED.items() if not any(piece in text for text in PRINTED)} == {}


def test_whole_remedy_that_is_claimed_claims_no_longer_one() -> None:
    printed = ("cdc-reader run", "stop, then cdc-reader run")
    assert [claimed_by("cdc-reader run", text, printed) for text in printed] == [True, False]
    assert claimed_by("then", printed[1], printed)


THERE = known(modules(*PRODUCT))


def test_what_a_remedy_names_is_there() -> None:
    """Red where an event, a command, a flag, a setting, a metric or a page was renamed without its remedies."""
    assert {text: names for text in PRINTED if (names := unknown(text, THERE))} == {}


def test_no_foreign_name_is_named_no_more() -> None:
    assert {each for each in FOREIGN if not any(each in text for text in PRINTED)} == set()


NAMES = {
    "a setting": ("correct kafka.prefixx", ["kafka.prefixx"]),
    "a setting in backticks": ("set `slott` to another", ["slott"]),
    "a setting in quotes": ("add it to the setting 'excluded'", ["excluded"]),
    "a setting with its value": ("set standbys: true", ["standbys"]),
    "a setting in YAML": ("set this: s3: {region_for: {}}", ["s3.region_for"]),
    "a variable": ("set ROWFERRY_DATABASE_URI and ROWFERRY_KAFKA__PREFIX", ["ROWFERRY_DATABASE_URI"]),
    "an event": ("start it until it logs `table_left_the_index`", ["table_left_the_index"]),
    "a metric": ("look at rowferry_sink_nothing_total", ["rowferry_sink_nothing_total"]),
    "a page": ("see docs/how-to/nowhere.md, docs/how-to/snapshot.md", ["docs/how-to/nowhere.md"]),
    "a package": ("vespa-sink deploy deploy/index", ["deploy/index"]),
    "a command": ("run `cdc-reader restart`, then cdc-reader run", ["cdc-reader restart"]),
    "a command of rowferry": ("run `rowferry diagnose`", ["rowferry diagnose"]),
    "a flag": ("cdc-reader reset --execute --moved", ["--moved"]),
    "nothing of ours": ("kafka-topics.sh --bootstrap-server {} --nothing x_y", []),
    "what is there": ("set `slot`, standby: true and http.port, run `rowferry doctor`; --database-url", []),
}


@pytest.mark.parametrize(("text", "expected"), NAMES.values(), ids=NAMES)
def test_name_that_is_not_there_is_found(text: str, expected: list[str]) -> None:
    assert unknown(text, THERE) == expected


ERRORS = "class Problem(Exception):\n def __init__(self, text, *, remedy=None): ...\n"
FOUND = {
    "by its name": ("raise Problem('x', remedy='do a thing')", ["do a thing"]),
    "by its place": ("def failed(check, remedy): ...\nfailed('x', 'do a thing')", ["do a thing"]),
    "in a record's place": ("@dataclass\nclass Row:\n a: str\n remedy: str\nRow('x', 'do it')", ["do it"]),
    "with holes": ("def f(name): raise Problem('x', remedy=f'drop {name!r} now')", ["drop {} now"]),
    "one of two": ("def f(a): raise Problem('x', remedy='go' if a else 'stay')", ["go", "stay"]),
    "in a variable": ("def f(a):\n remedy = 'go'\n if a: remedy += ' on'\n return remedy", [" on", "go"]),
    "a constant": ("GO = 'go on'\ndef f(): raise Problem('x', remedy=GO)", ["go on"]),
    "each of many": ("def f(all): remedy = '; '.join(f'GRANT {each};' for each in all)", ["GRANT {};"]),
    "beside a class": ("def f() -> tuple[type[RowferryError], str]: return Problem, 'wait'", ["wait"]),
    "what a function finds": ("def _remedy(a):\n if a: return 'go', True\n return 'stay', False", ["go", "stay"]),
    "a variable that is named": ("def f(a):\n text = f'go {a}'\n raise Problem('x', remedy=text)", ["go {}"]),
    "lines": ("def f(a): raise Problem('x', remedy='\\n'.join([a, 'go on']))", ["go on"]),
    "a template": ("GO = 'go {where}'\ndef f(a): raise Problem('x', remedy=GO.format(where=a))", ["go {where}"]),
    "what another function makes": ("def g(a): return f'go {a}'\ndef f(a): raise Problem('x', remedy=g(a))", ["go {}"]),
    "handed on": ("def f(exc): raise Problem('x', remedy=exc.remedy)", []),
}


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=FOUND)
def test_remedy_is_found(text: str, expected: list[str]) -> None:
    assert list(remedies({"schemas.x": Module.parse("schemas.x", ERRORS + text)})) == expected


def test_constant_of_another_module_is_followed() -> None:
    one = Module.parse("schemas.x", "GO = 'go on'")
    two = Module.parse("schemas.y", "from schemas.x import GO as ON\ndef f(): g(remedy=ON)")
    assert remedies({"schemas.x": one, "schemas.y": two}) == {"go on": ["schemas.y"]}


def test_claims_are_read_from_marks() -> None:
    text = "@pytest.mark.slow\n@pytest.mark.remedy('a', 'b')\ndef test_x(): ..."
    assert claims([Module.parse("tests.x", text)]) == {"a": ["tests.x.test_x"], "b": ["tests.x.test_x"]}
