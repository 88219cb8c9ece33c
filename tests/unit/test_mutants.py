from __future__ import annotations

from dataclasses import replace

import pytest

from tests.mutants.__main__ import BROKEN, GREEN, RED, judge
from tests.mutants.lists import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.trees import Ran

FILE = "vespa_sink/__main__.py"
TEST = "tests/unit/vespa_sink/writes/test_write_order.py::test_v4_two_barriers_are_carried_out_one_after_the_other"
FITS = Mutant(rule="V4", without="an end", file=FILE, text="sys.exit(main())", replacement="main()", tests=(TEST,))


def test_every_entry_fits_the_code_and_its_tests() -> None:
    # A refactoring that moves a rule moves its entry too: make mutants would stop at it.
    assert [problem for mutant in MUTANTS for problem in mutant.problems()] == []


def test_no_edit_is_listed_twice() -> None:
    edits = [(each.rule, each.file, each.text, each.replacement) for each in MUTANTS]
    assert sorted({edit for edit in edits if edits.count(edit) > 1}) == []


MISFITS = {
    "text that is gone": ({"text": "no such text"}, "found it 0 times"),
    "text that is there twice": ({"text": "import"}, "found it 2 times"),
    "file that is gone": ({"file": "tests/mutants/gone.py"}, "No such file"),
    "edit that is no Python": ({"replacement": "("}, "'(' was never closed"),
    "compiled module": ({"file": "schemas/compiled_events.pyx"}, "is not Python"),
    "rule that is none": ({"rule": "V"}, "expected a rule like 'S1', got 'V'"),
    "test that is gone": ({"tests": ("tests/unit/test_mutants.py::test_gone",)}, "there is no test"),
    "test that names another rule": ({"rule": "P2"}, "to carry @pytest.mark.rule('P2')"),
    "no test": ({"tests": ()}, "expected tests, got none"),
}


@pytest.mark.parametrize(("changed", "problem"), MISFITS.values(), ids=MISFITS)
def test_entry_that_does_not_fit_is_found(changed: dict[str, object], problem: str) -> None:
    assert [each for each in replace(FITS, **changed).problems() if problem in each]


VERDICTS = {
    "red": (Ran(1, {TEST: "assert 1 == 2"}, {}, ""), RED),
    "all green": (Ran(0, {}, {}, ""), GREEN),
    "another test is red": (Ran(1, {"tests/unit/test_x.py::test_y": "assert 1 == 2"}, {}, ""), GREEN),
    "error of a fixture": (Ran(1, {TEST: "assert 1 == 2"}, {TEST: "no server"}, ""), BROKEN),
    "error of the edit": (Ran(1, {TEST: "NameError: name 'x' is not defined"}, {}, ""), BROKEN),
    "not collected": (Ran(2, {}, {}, "ImportError"), BROKEN),
    "never ended": (Ran(-1, {}, {}, "it did not end"), BROKEN),
}


@pytest.mark.parametrize(("ran", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_verdict_tells_red_from_what_proves_nothing(ran: Ran, verdict: str) -> None:
    assert judge(FITS, ran)[0] == verdict
